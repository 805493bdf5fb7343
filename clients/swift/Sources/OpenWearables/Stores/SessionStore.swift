import Foundation

/// Keeps one session's record: opaque bytes that contain its tokens. Protect them like a
/// password. A process calls the methods one at a time for each session; processes that
/// share the place call them at the same time.
///
/// A store that cannot read its content (a locked keychain, a database that is down) must
/// throw and not return nil: an error keeps the session.
public protocol SessionStore: Sendable {
  /// Identifies the place: stores of one type that share it have the same id.
  var id: String { get }
  /// Returns the record, or nil if there is none.
  func load() async throws -> Data?
  /// Replaces the record atomically, only if the stored one equals `expected` (nil: there
  /// is none). Returns whether it did.
  func save(_ record: Data, replacing expected: Data?) async throws -> Bool
  /// Removes the record, only if it equals `expected`. Returns whether it did.
  func clear(_ expected: Data?) async throws -> Bool
}

/// A ``SessionStore`` with a lock, so that processes that share it renew one after the
/// other. The lock saves requests; sessions are safe without it.
public protocol LockingStore: SessionStore {
  /// Waits for the lock until its task is cancelled, and returns the function that releases
  /// it, to be called once. The lock must end with the process that holds it.
  func lock() async throws -> @Sendable () -> Void
}

extension SessionStore where Self: AnyObject {
  /// Identifies the object itself.
  public var id: String { "\(type(of: self)) \(UInt(bitPattern: ObjectIdentifier(self)))" }
}

/// Why a store of this package cannot be used, and what to do about it. It contains no
/// record.
public struct StoreError: Error, Sendable, CustomStringConvertible {
  public let description: String
}

/// A store whose calls run one at a time and have a time limit. None begins before one that
/// was given up has returned: what that one did would otherwise come after what was done since.
struct GuardedStore: Sendable {
  let store: any SessionStore
  let turn: Turn

  func load() async throws -> Data? {
    let store = store
    let record = try await call { try await store.load() }
    return record?.isEmpty == true ? nil : record
  }

  /// Saves a record in place of the expected one, or clears the store if it is nil.
  func replace(_ expected: Data?, by record: Data?) async throws -> Bool {
    let store = store
    return try await call {
      if let record { return try await store.save(record, replacing: expected) }
      return try await store.clear(expected)
    }
  }

  @_semantics("optimize.sil.specialize.generic.never")
  private func call<Value: Sendable>(_ work: @escaping @Sendable () async throws -> Value)
    async throws -> Value
  {
    let (turn, deadline) = (turn, Deadline(in: Wait.store))
    try await turn.take(by: deadline)
    return try await withTimeout(deadline.left) {
      defer { turn.pass() }
      return try await work()
    }
  }

  /// lock, or it is not free in time, the caller goes on without it.
  func lock() async -> @Sendable () -> Void {
    guard let store = store as? any LockingStore else { return {} }
    let unlock = try? await withTimeout(Wait.lock, late: { $0() }, { try await store.lock() })
    return unlock ?? {}
  }
}

/// Keeps the session in memory until the process ends. Sessions with the same store are the
/// same session.
public final class MemoryStore: SessionStore {
  private let record = Locked<Data?>(nil)

  public init() {}

  public func load() async -> Data? { record.with { $0 } }

  public func save(_ record: Data, replacing expected: Data?) async -> Bool {
    replace(expected, by: record)
  }

  public func clear(_ expected: Data?) async -> Bool { replace(expected, by: nil) }

  private func replace(_ expected: Data?, by next: Data?) -> Bool {
    record.with {
      guard $0 == expected else { return false }
      $0 = next
      return true
    }
  }
}

extension SessionStore where Self == MemoryStore {
  /// A store that keeps the session in memory until the process ends.
  public static func memory() -> MemoryStore { MemoryStore() }
}

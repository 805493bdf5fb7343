import Foundation

/// Keeps one session's record: opaque bytes that contain its tokens. Guard them as you
/// would a password. Its methods are called one at a time for each session in a process,
/// and from several processes where they share the place.
///
/// A store whose content cannot be told (a locked keychain, a database that is down)
/// must throw, never answer absence: an error keeps the session.
public protocol SessionStore: Sendable {
  /// Names the place: stores of one type that share it have the same id.
  var id: String { get }
  /// Returns the record, or nil if there is none.
  func load() async throws -> Data?
  /// Replaces the record by another, atomically, and only if the one there equals
  /// `expected` (nil: none is there). Returns whether it did.
  func save(_ record: Data, replacing expected: Data?) async throws -> Bool
  /// Removes the record, only if it equals `expected`. Returns whether it did.
  func clear(_ expected: Data?) async throws -> Bool
}

/// What a ``SessionStore`` may also do, so that the processes that share it renew one
/// after the other. A lock saves requests; sessions are safe without it.
public protocol LockingStore: SessionStore {
  /// Waits for the lock until its task is cancelled, and returns what gives it back, to
  /// be called once. The lock must not outlive the process that holds it.
  func lock() async throws -> @Sendable () -> Void
}

extension SessionStore where Self: AnyObject {
  /// The object itself is the place.
  public var id: String { "\(type(of: self)) \(UInt(bitPattern: ObjectIdentifier(self)))" }
}

/// Why a store of this package cannot be used, and what to do about it. It contains no
/// record.
public struct StoreError: Error, Sendable, CustomStringConvertible {
  public let description: String
}

/// A store with every call bounded.
struct GuardedStore: Sendable {
  let store: any SessionStore

  func load() async throws -> Data? {
    let store = store
    let record = try await withTimeout(Wait.store) { try await store.load() }
    return record?.isEmpty == true ? nil : record
  }

  func save(_ record: Data, replacing expected: Data?) async throws -> Bool {
    let store = store
    return try await withTimeout(Wait.store) { try await store.save(record, replacing: expected) }
  }

  func clear(_ expected: Data?) async throws -> Bool {
    let store = store
    return try await withTimeout(Wait.store) { try await store.clear(expected) }
  }

  /// Takes the store's lock, if it has one and it comes in time. The work goes on
  /// without it all the same.
  func lock() async -> @Sendable () -> Void {
    guard let store = store as? any LockingStore else { return {} }
    let unlock = try? await withTimeout(Wait.lock, late: { $0() }, { try await store.lock() })
    return unlock ?? {}
  }
}

/// Forgets with the process. Sessions that are given the same one share it.
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
  /// A store that forgets with the process.
  public static func memory() -> MemoryStore { MemoryStore() }
}

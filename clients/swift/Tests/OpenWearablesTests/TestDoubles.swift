import Foundation

@testable import OpenWearables

#if canImport(FoundationNetworking)
  import FoundationNetworking
#endif

/// A clock that tests set.
final class TestClock: Sendable {
  private let ahead = Locked((wall: 0.0, mono: 0.0))

  var clock: Clock {
    Clock(
      wall: { Date().timeIntervalSince1970 + self.ahead.with { $0.wall } },
      mono: { monotonic() + self.ahead.with { $0.mono } })
  }

  func advance(_ seconds: TimeInterval) {
    ahead.with {
      $0.wall += seconds
      $0.mono += seconds
    }
  }

  func setWall(_ seconds: TimeInterval) { ahead.with { $0.wall += seconds } }
}

/// A store that fails on demand.
final class FaultyStore: LockingStore {
  let inner: any SessionStore
  private let fault = Locked("")

  init(_ inner: any SessionStore) { self.inner = inner }

  func set(_ fault: String) { self.fault.with { $0 = fault } }

  private func check(_ what: String) throws {
    let fault = fault.with { $0 }
    if fault.hasPrefix("\(what)_") { throw TestFailure("the disk is on fire") }
  }

  func load() async throws -> Data? {
    try check("load")
    return try await inner.load()
  }

  func save(_ record: Data, replacing expected: Data?) async throws -> Bool {
    try check("save")
    let saved = try await inner.save(record, replacing: expected)
    try check("saved")
    return saved
  }

  func clear(_ expected: Data?) async throws -> Bool {
    try check("clear")
    return try await inner.clear(expected)
  }

  func lock() async throws -> @Sendable () -> Void {
    guard let inner = inner as? any LockingStore else { return {} }
    return try await inner.lock()
  }
}

/// A store that pauses after a save until `resume`.
final class PausingStore: SessionStore {
  let inner: MemoryStore
  let saved = Promise<Void>()
  let resume = Promise<Void>()

  init(_ inner: MemoryStore) { self.inner = inner }

  func load() async throws -> Data? { await inner.load() }

  func save(_ record: Data, replacing expected: Data?) async throws -> Bool {
    let done = await inner.save(record, replacing: expected)
    saved.fulfill(())
    try await resume.value(by: Deadline(in: 4))
    return done
  }

  func clear(_ expected: Data?) async throws -> Bool { await inner.clear(expected) }
}

/// Returns responses without a network, by the number of the request.
final class FakeTransport: HTTPTransport {
  private let requests = Locked<[URLRequest]>([])
  private let answer: @Sendable (Int) -> HTTPResponse

  init(_ answer: @escaping @Sendable (Int) -> HTTPResponse) { self.answer = answer }

  var sent: [URLRequest] { requests.with { $0 } }

  func send(_ request: URLRequest, limit: Int, by: Deadline) async throws(APIError)
    -> HTTPResponse
  {
    answer(
      requests.with {
        $0.append(request)
        return $0.count
      })
  }
}

/// Records events.
final class EventRecorder: Sendable {
  private let seen = Locked<[SessionEvent]>([])

  var all: [SessionEvent] { seen.with { $0 } }

  func listen(_ events: AsyncStream<SessionEvent>) {
    Task { for await event in events { seen.with { $0.append(event) } } }
  }

  func count(_ name: String) -> Int { all.count { $0.name == name } }
}

extension SessionEvent {
  /// The event's name in the scenarios.
  var name: String {
    switch self {
    case .signedIn: "signed_in"
    case .tokenRefreshed: "token_refreshed"
    case .refreshFailed: "refresh_failed"
    case .sessionExpired: "session_expired"
    case .signedOut: "signed_out"
    case .storageError: "storage_error"
    case .keyRotated: "key_rotated"
    }
  }
}

/// Returns all texts by which a value can be shown.
func renderings(of value: Any) -> String {
  var text = String(describing: value) + String(reflecting: value)
  dump(value, to: &text)
  func reflect(_ value: Any, depth: Int) {
    guard depth < 8 else { return }
    for child in Mirror(reflecting: value).children {
      text += "\(child.label ?? "") \(child.value)\n"
      reflect(child.value, depth: depth + 1)
    }
  }
  reflect(value, depth: 0)
  if let error = value as? any Error { text += error.localizedDescription }
  return text
}

/// Returns the first part of a text that looks like a secret.
func firstSecret(in text: String) -> String? {
  let forms = "(ow_live_|ow_test_|secret_|rt_)[0-9a-z]{6}|eyJ[0-9A-Za-z_-]{10}"
  return text.range(of: forms, options: .regularExpression).map { String(text[$0].prefix(8)) }
}

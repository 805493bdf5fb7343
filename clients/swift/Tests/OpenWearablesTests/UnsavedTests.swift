import Foundation
import XCTest

@testable import OpenWearables

/// Sessions that live in memory because their store cannot be written.
final class UnsavedTests: XCTestCase {
  private let server = TestServer.shared

  private func revoke(_ session: UserSession) async throws {
    let current = await session.engine.core.session
    let token = try XCTUnwrap(current?.record.refresh)
    let rpc = try TokenRPC(baseURL: server.url, allowInsecurePrivateNetwork: false)
    let refused = await rpc.revoke(token)
    XCTAssertNil(refused)
  }

  private func assertExpired(_ session: UserSession) async {
    do {
      _ = try await session.accessToken()
      XCTFail("it has a token")
    } catch { XCTAssertEqual(error.kind, .sessionExpired, "\(error)") }
  }

  /// A session that the server ends is over although its renewal could not be saved.
  func testUnsavedSessionEndsWhenTheServerEndsIt() async throws {
    let (proxy, clock) = (try server.proxy(), TestClock())
    let person = try await server.newPerson()
    let store = FaultyStore(try await seeded(proxy.base, person.tokens, "expired"))
    let session = UserSession(
      baseURL: proxy.url, store: store, clock: clock.clock, core: Core(), provider: { _ in nil })
    store.set("save_fails")
    _ = try await session.accessToken()
    try await revoke(session)
    clock.advance(person.tokens.expiresIn + 60)
    await assertExpired(session)
    await assertExpired(session)
    let refreshes = try await proxy.report().refreshes
    XCTAssertEqual(refreshes, 2)
  }

  /// The end of one user's unsaved session leaves the record of another in the store.
  func testEndOfAnUnsavedSessionKeepsTheRecordOfAnother() async throws {
    let (ada, bob) = (try await server.newPerson(), try await server.newPerson())
    let (store, clock) = (FaultyStore(MemoryStore()), TestClock())
    let first = UserSession(
      baseURL: server.url, store: store, userID: ada.id, core: Core(), provider: { _ in nil })
    try await first.signIn(ada.tokens)
    let record = try await store.load()
    let second = UserSession(
      baseURL: server.url, store: store, userID: bob.id, clock: clock.clock, core: Core(),
      provider: { _ in nil })
    store.set("save_fails")
    try await second.signIn(bob.tokens)
    try await revoke(second)
    clock.advance(bob.tokens.expiresIn + 60)
    await assertExpired(second)
    let left = try await store.load()
    XCTAssertNotNil(left)
    XCTAssertEqual(left, record)
  }

  /// A store that never replaces its record, and does not fail, costs one refresh.
  func testStoreThatReplacesNothingCostsOneRefresh() async throws {
    let proxy = try server.proxy()
    let person = try await server.newPerson()
    let store = RefusingStore(try await seeded(proxy.base, person.tokens, "expired"))
    let session = UserSession(
      baseURL: proxy.url, store: store, core: Core(), provider: { _ in nil })
    let recorder = EventRecorder()
    recorder.listen(session.events)
    let call = Task { try await withTimeout(5) { try await session.accessToken().token } }
    let token = try await result(of: call).get()
    _ = try await server.client(accessToken: token.reveal()).users.get(person.id)
    _ = try await session.accessToken()
    let refreshes = try await proxy.report().refreshes
    XCTAssertEqual(refreshes, 1)
    try await eventually("the event") { recorder.count("storage_error") == 1 }
  }

  /// The session of a provider that such a store does not take lives too, and is not revoked.
  func testStoreThatReplacesNothingKeepsTheSessionOfAProvider() async throws {
    let (ada, again) = (try await server.newPerson(), try await server.newPerson())
    let rpc = try TokenRPC(baseURL: server.url, allowInsecurePrivateNetwork: false)
    let refused = await rpc.revoke(try XCTUnwrap(ada.tokens.refreshToken).reveal())
    XCTAssertNil(refused)
    let asked = Locked(0)
    let store = try await seeded(server.url.absoluteString, ada.tokens, "expired")
    let session = UserSession(
      baseURL: server.url, store: RefusingStore(store), core: Core(),
      provider: { _ in
        { _ in
          asked.with { $0 += 1 }
          return again.tokens
        }
      })
    let call = Task { try await withTimeout(5) { try await session.accessToken().token } }
    let token = try await result(of: call).get()
    XCTAssertEqual(token, again.tokens.accessToken)
    await pause(0.3)
    _ = try await OpenWearablesClient(session).users.get(again.id)
    XCTAssertEqual(asked.with { $0 }, 1)
  }

  /// A pair that is saved at last, between two attempts to renew it, is replaced in the store.
  func testPairSavedBetweenTwoAttemptsIsReplaced() async throws {
    let (proxy, clock) = (try server.proxy(), TestClock())
    let person = try await server.newPerson()
    let store = FaultyStore(try await seeded(proxy.base, person.tokens, "expired"))
    let session = UserSession(
      baseURL: proxy.url, store: store, clock: clock.clock, core: Core(), provider: { _ in nil })
    store.set("save_fails")
    let first = try await session.accessToken().token
    try await proxy.setRules([
      [
        "method": "RefreshToken", "fault": "answer", "times": 1, "status": 503,
        "code": "unavailable", "headers": ["Retry-After": "1"],
      ]
    ])
    clock.advance(person.tokens.expiresIn + 60)
    let renewal = Task { try await session.accessToken().token }
    try await eventually("an attempt") { try await proxy.report().refreshes == 2 }
    store.set("")
    let second = try await result(of: renewal).get()
    XCTAssertNotEqual(second, first)
    let stored = try await store.load()
    XCTAssertEqual(try Record(stored: try XCTUnwrap(stored)).access, second.reveal())
    let report = try await proxy.report()
    XCTAssertEqual(report.rotated, 2)
  }
}

/// A store that says of every record that another one is in its place.
private final class RefusingStore: SessionStore {
  private let inner: MemoryStore

  init(_ inner: MemoryStore) { self.inner = inner }

  func load() async throws -> Data? { await inner.load() }
  func save(_: Data, replacing _: Data?) async throws -> Bool { false }
  func clear(_ expected: Data?) async throws -> Bool { await inner.clear(expected) }
}

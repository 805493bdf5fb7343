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

  /// A store that saves a session and fails all the same has saved it: it costs one refresh, and
  /// the end of the session removes the record.
  func testSessionThatTheStoreHoldsIsSaved() async throws {
    let (proxy, clock) = (try server.proxy(), TestClock())
    let person = try await server.newPerson()
    let store = FaultyStore(try await seeded(proxy.base, person.tokens, "expired"))
    let session = UserSession(
      baseURL: proxy.url, store: store, clock: clock.clock, core: Core(), provider: { _ in nil })
    store.set("saved_fails")
    _ = try await session.accessToken()
    var isUnsaved = await session.engine.core.session?.isUnsaved
    XCTAssertEqual(isUnsaved, true)
    store.set("")
    for _ in 0..<3 {
      clock.advance(6)
      _ = try await session.accessToken()
      await pause(0.1)  // for the renewal that nobody waits for
    }
    isUnsaved = await session.engine.core.session?.isUnsaved
    XCTAssertEqual(isUnsaved, false)
    let refreshes = try await proxy.report().refreshes
    XCTAssertEqual(refreshes, 1)
    try await revoke(session)
    clock.advance(person.tokens.expiresIn + 60)
    await assertExpired(session)
    let left = try await store.load()
    XCTAssertNil(left)
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

  /// A sign-in while the store cannot be read counts once it can be read: the record of before
  /// does not come back, not even that of another user, and a restart finds the new session.
  func testSignInCountsWhileTheStoreCannotBeRead() async throws {
    let (old, person) = (try await server.newPerson(), try await server.newPerson())
    let (clock, recorder) = (TestClock(), EventRecorder())
    let inner = try await seeded(server.url.absoluteString, old.tokens, "fresh")
    let store = FaultyStore(inner)
    let session = UserSession(
      baseURL: server.url, store: store, clock: clock.clock, core: Core(), provider: { _ in nil })
    recorder.listen(session.events)
    let client = OpenWearablesClient(session)
    store.set("load_fails")
    try await session.signIn(person.tokens)
    try await eventually("the event") { recorder.count("storage_error") == 1 }
    _ = try await client.users.get(person.id)
    for fault in ["save_fails", "", ""] {  // at first it can be read, and not yet be written
      store.set(fault)
      clock.advance(6)
      _ = try await client.users.get(person.id)
      await pause(0.05)  // for the renewal that nobody waits for
      _ = try await client.users.get(person.id)
    }
    let restarted = UserSession(
      baseURL: server.url, store: inner, core: Core(), provider: { _ in nil })
    _ = try await OpenWearablesClient(restarted).users.get(person.id)
    XCTAssertEqual(recorder.count("signed_in"), 1)
    XCTAssertEqual(recorder.count("storage_error"), 1)
  }

  /// A sign-out while the store cannot be read counts once it can be read: the session that
  /// the process did not even know does not come back, and is revoked. One that somebody
  /// starts later is left alone.
  func testSignOutCountsWhileTheStoreCannotBeRead() async throws {
    let person = try await server.newPerson()
    let inner = try await seeded(server.url.absoluteString, person.tokens, "fresh")
    let store = FaultyStore(inner)
    let session = UserSession(
      baseURL: server.url, store: store, core: Core(), provider: { _ in nil })
    store.set("load_fails")
    do {
      try await session.signOut()
      XCTFail("it signed out")
    } catch { XCTAssertTrue(error.isStorageUnavailable, "\(error)") }
    store.set("")
    do {
      _ = try await session.accessToken()
      XCTFail("it has a token")
    } catch { XCTAssertEqual(error.kind, .unauthenticated, "\(error)") }
    let left = try await store.load()
    XCTAssertNil(left)
    let thief = try server.client(accessToken: person.tokens.accessToken.reveal())
    try await eventually("the session is revoked") {
      do {
        _ = try await thief.users.get(person.id)
        return false
      } catch let error as APIError { return error.kind == .unauthenticated }
    }
    let next = try await server.newPerson()
    await pause(0.005)  // records tell the millisecond
    let record = try storedRecord(server.url.absoluteString, next.tokens, "fresh")
    let saved = await inner.save(record, replacing: nil)
    XCTAssertTrue(saved)
    _ = try await OpenWearablesClient(session).users.get(next.id)
  }

  /// While a token is due and the store cannot be read, that is tried every few seconds.
  func testUnreadableStoreIsAskedNowAndThen() async throws {
    let (person, clock) = (try await server.newPerson(), TestClock())
    let recorder = EventRecorder()
    let store = FaultyStore(try await seeded(server.url.absoluteString, person.tokens, "fresh"))
    let session = UserSession(
      baseURL: server.url, store: store, clock: clock.clock, core: Core(), provider: { _ in nil })
    recorder.listen(session.events)
    _ = try await session.accessToken()
    clock.advance(person.tokens.expiresIn - 40)
    store.set("load_fails")
    for step in 1...3 {
      for _ in 0..<100 {
        _ = try await session.accessToken()
        await pause(0.0002)
      }
      try await eventually("the event") { recorder.count("storage_error") >= step }
      await pause(0.02)
      XCTAssertEqual(recorder.count("storage_error"), step)
      clock.advance(6)
    }
    store.set("")
    _ = try await session.accessToken()
    try await eventually("the renewal") { recorder.count("token_refreshed") == 1 }
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

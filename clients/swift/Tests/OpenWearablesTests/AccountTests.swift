import Foundation
import XCTest

@testable import OpenWearables

/// Several users and installations on one store.
final class AccountTests: XCTestCase {
  private let server = TestServer.shared

  private func session(
    _ store: some SessionStore, of user: String?, base: URL? = nil, core: Core = Core(),
    _ provider: TokenProvider? = nil
  ) -> UserSession {
    UserSession(
      baseURL: base ?? server.url, store: store, userID: user, core: core,
      provider: { _ in provider })
  }

  private func assertSignedOut(_ session: UserSession, _ note: String) async {
    do {
      _ = try await session.accessToken()
      XCTFail("\(note): it has a token")
    } catch { XCTAssertEqual(error.reason, .signedOut, "\(note): \(error)") }
  }

  /// The session of one user is none for another: the provider is asked, and until it has
  /// answered the record is kept.
  func testAnotherUserDoesNotGetTheStoredSession() async throws {
    let path = server.folder.appendingPathComponent("\(randomKey())/session.json").path
    for store in [MemoryStore(), FileStore(path: path)] as [any SessionStore] {
      let (ada, bob) = (try await server.newPerson(), try await server.newPerson())
      try await session(store, of: ada.id).signIn(ada.tokens)
      let record = try await store.load()
      await assertSignedOut(session(store, of: bob.id), "another user")
      try await session(store, of: bob.id).signOut()
      let kept = try await store.load()
      XCTAssertEqual(kept, record, "it was not bob's to remove")

      let asked = Locked(0)
      let second = session(store, of: bob.id) { request in
        asked.with { $0 += 1 }
        XCTAssertEqual(request.userID, bob.id)
        return bob.tokens
      }
      let user = try await OpenWearablesClient(second).users.get(bob.id)
      XCTAssertEqual(user.id, bob.id)
      XCTAssertEqual(asked.with { $0 }, 1)
      await assertSignedOut(session(store, of: ada.id), "the first user")
      _ = try await session(store, of: nil).accessToken()
      try await session(store, of: bob.id).signOut()
      let left = try await store.load()
      XCTAssertNil(left)
    }
  }

  /// A user whose session another one's has replaced is signed out at the next renewal, which
  /// leaves the new one alone.
  func testReplacedSessionEndsAtItsRenewal() async throws {
    let (ada, bob) = (try await server.newPerson(), try await server.newPerson())
    let (store, clock) = (MemoryStore(), TestClock())
    let first = UserSession(
      baseURL: server.url, store: store, userID: ada.id, clock: clock.clock, core: Core(),
      provider: { _ in nil })
    try await first.signIn(ada.tokens)
    try await session(store, of: bob.id).signIn(bob.tokens)
    let record = await store.load()
    clock.advance(ada.tokens.expiresIn + 60)
    await assertSignedOut(first, "after the replacement")
    let after = await store.load()
    XCTAssertEqual(after, record)
  }

  /// A record without a user is that of its token's subject; with an opaque token it is
  /// nobody's in particular.
  func testOldRecordIsThatOfItsTokensSubject() async throws {
    let (ada, bob) = (try await server.newPerson(), try await server.newPerson())
    let store = try await seeded(server.url.absoluteString, ada.tokens, "fresh")
    _ = try await session(store, of: ada.id).accessToken()
    _ = try await session(store, of: nil).accessToken()
    await assertSignedOut(session(store, of: bob.id), "another subject")
    let opaque = SessionTokens(accessToken: Secret("opaque"), expiresIn: 3600)
    let unknown = try await seeded(server.url.absoluteString, opaque, "fresh")
    _ = try await session(unknown, of: nil).accessToken()
    await assertSignedOut(session(unknown, of: ada.id), "an opaque token")
  }

  /// A renewal keeps the user that the record names, also by a session that names none.
  func testRenewalKeepsTheUser() async throws {
    let ada = try await server.newPerson()
    let store = MemoryStore()
    let record = try storedRecord(server.url.absoluteString, ada.tokens, "expired", user: "ada")
    _ = await store.save(record, replacing: nil)
    _ = try await session(store, of: nil).accessToken()
    let renewed = await store.load()
    XCTAssertNotEqual(renewed, record)
    XCTAssertEqual(try Record(stored: try XCTUnwrap(renewed)).user, "ada")
    _ = try await session(store, of: "ada").accessToken()
    await assertSignedOut(session(store, of: ada.id), "the subject of a record with a user")
  }

  /// The session of another base URL is none, and a sign-in replaces it.
  func testAnotherBaseURLIsAnEmptyPlace() async throws {
    let ada = try await server.newPerson()
    let store = MemoryStore()
    try await session(store, of: nil).signIn(ada.tokens)
    let record = await store.load()
    let proxy = try server.proxy()
    await assertSignedOut(session(store, of: nil, base: proxy.url), "another base URL")
    let kept = await store.load()
    XCTAssertEqual(kept, record)
    let moved = session(store, of: nil, base: proxy.url) { _ in ada.tokens }
    let user = try await OpenWearablesClient(moved).users.get(ada.id)
    XCTAssertEqual(user.id, ada.id)
    await assertSignedOut(session(store, of: nil), "the first base URL")
  }

  /// Developers share a store no more than users do.
  func testAnotherDeveloperIsLoggedIn() async throws {
    let store = MemoryStore()
    let password = server.password
    let first = UserSession.developer(baseURL: server.url, email: server.email, store: store) {
      password
    }
    _ = try await first.accessToken()
    let second = UserSession.developer(
      baseURL: server.url, email: "other@example.com", store: store
    ) { "not-it-" + randomKey() }
    do {
      _ = try await second.accessToken()
      XCTFail("it has the token of the first")
    } catch { XCTAssertEqual(error.reason, "invalid_credentials", "\(error)") }
  }

  /// A password that was mistyped is asked for again by the next call, at the first login and
  /// after the server ended the session.
  func testMistypedPasswordIsAskedForAgain() async throws {
    let person = try await server.newPerson()
    let rpc = try TokenRPC(baseURL: server.url, allowInsecurePrivateNetwork: false)
    let refused = await rpc.revoke(try XCTUnwrap(person.tokens.refreshToken).reveal())
    XCTAssertNil(refused)
    let ended = try await seeded(server.url.absoluteString, person.tokens, "expired")
    let (email, password) = (server.email, server.password)
    for (store, note) in [(MemoryStore(), "first login"), (ended, "ended session")] {
      let asked = Locked(0)
      let session = UserSession(
        baseURL: server.url, store: store, loginErrors: true, core: Core(),
        provider: { rpc in
          { _ in
            let n = asked.with {
              $0 += 1
              return $0
            }
            return try await rpc.login(
              email, n < 3 ? "not-it-\(n)" : password, by: Deadline(in: 10))
          }
        })
      for _ in 0..<2 {
        do {
          _ = try await session.accessToken()
          XCTFail("\(note): a wrong password was taken")
        } catch {
          XCTAssertEqual(error.reason, "invalid_credentials", "\(note): \(error)")
        }
      }
      _ = try await session.accessToken()
      XCTAssertEqual(asked.with { $0 }, 3, note)
    }
  }

  /// However a developer's address is typed, the session is the same.
  func testAddressOfADeveloperIsNormalized() async throws {
    let store = MemoryStore()
    let password = server.password
    _ = try await UserSession.developer(
      baseURL: server.url, email: server.email.uppercased(), store: store
    ) { password }.accessToken()
    let stored = await store.load()
    XCTAssertEqual(try Record(stored: try XCTUnwrap(stored)).user, server.email)
    _ = try await UserSession.developer(
      baseURL: server.url, email: " \(server.email.capitalized)\n", store: store
    ) { throw TestFailure("the password was asked for") }.accessToken()
  }

  /// A record without a user may be that of an address or of the app's own name for a user,
  /// and is marked with it when it is saved next.
  func testOldRecordIsThatOfAUserWithAnotherKindOfName() async throws {
    for user in ["ada@example.com", "ada"] {
      let ada = try await server.newPerson()
      let store = try await seeded(server.url.absoluteString, ada.tokens, "expired")
      _ = try await session(store, of: user).accessToken()
      let stored = await store.load()
      XCTAssertEqual(try Record(stored: try XCTUnwrap(stored)).user, user)
      await assertSignedOut(session(store, of: "bob"), "another name")
      await assertSignedOut(session(store, of: ada.id), "the subject")
    }
  }
}

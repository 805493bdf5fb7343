import Foundation
import XCTest

@testable import OpenWearables

/// When a session is tried again after a failure.
final class OutageTests: XCTestCase {
  private let server = TestServer.shared

  private func error(_ call: @Sendable () async throws -> Void) async throws -> APIError {
    do {
      try await call()
    } catch let error as APIError { return error }
    throw TestFailure("it succeeded")
  }

  /// A session with an expired token behind a proxy.
  private func expired(_ clock: TestClock, _ provider: TokenProvider? = nil) async throws -> (
    session: UserSession, proxy: FaultProxy, person: Person
  ) {
    let proxy = try server.proxy()
    let person = try await server.newPerson()
    let store = try await seeded(proxy.base, person.tokens, "expired")
    let session = UserSession(
      baseURL: proxy.url, store: store, clock: clock.clock, core: Core(),
      provider: { _ in provider })
    return (session, proxy, person)
  }

  /// However long the network was away, a call succeeds two seconds after it is back.
  func testLongOutageIsNoticedToBeOverWithinTwoSeconds() async throws {
    let clock = TestClock()
    let (session, proxy, _) = try await expired(clock)
    try await proxy.setRules([["method": "*", "fault": "reset"]])
    for _ in 0..<30 {
      let failed = try await error { _ = try await session.accessToken() }
      XCTAssertTrue(failed.isOffline, "\(failed)")
      let left = try XCTUnwrap(failed.retryAfter, "the error does not say how long to wait")
      XCTAssertTrue((0...2).contains(left), "\(left)")
      clock.advance(2)
    }
    let tried = try await proxy.report().refreshes
    XCTAssertEqual(tried, 33)
    let again = try await error { _ = try await session.accessToken() }
    let cooled = try await error { _ = try await session.accessToken() }
    XCTAssertLessThanOrEqual(try XCTUnwrap(cooled.retryAfter), try XCTUnwrap(again.retryAfter))
    try await proxy.setRules([])
    clock.advance(2)
    _ = try await session.accessToken()
  }

  /// A change of the network and a call that a person asked for end a cooldown without an
  /// answer at once.
  func testNetworkAndPersonEndACooldownWithoutAnAnswer() async throws {
    for way in ["network", "call", "token"] {
      let (session, proxy, person) = try await expired(TestClock())
      try await proxy.setRules([["method": "*", "fault": "reset"]])
      _ = try await error { _ = try await session.accessToken() }
      try await proxy.setRules([])
      _ = try await error { _ = try await session.accessToken() }
      switch way {
      case "network":
        await session.networkChanged()
        _ = try await session.accessToken()
      case "token": _ = try await session.accessToken(userInitiated: true)
      default:
        _ = try await OpenWearablesClient(session).users.get(
          person.id, options: CallOptions(userInitiated: true))
      }
    }
  }

  /// What the server asks for holds against both, and the error says what is left of it.
  func testServersOwnWaitIsNotCutShort() async throws {
    let clock = TestClock()
    let (session, proxy, _) = try await expired(clock)
    try await proxy.setRules([
      [
        "method": "RefreshToken", "fault": "answer", "status": 429, "code": "resource_exhausted",
        "headers": ["Retry-After": "50"],
      ]
    ])
    _ = try await error { _ = try await session.accessToken() }
    clock.advance(20)
    await session.networkChanged()
    let failed = try await error { _ = try await session.accessToken(userInitiated: true) }
    XCTAssertTrue(failed.isRateLimited)
    XCTAssertEqual(try XCTUnwrap(failed.retryAfter), 30, accuracy: 5)
    let tried = try await proxy.report().refreshes
    XCTAssertEqual(tried, 1)
  }

  /// A caller that cannot wait as long as the server asks is told at once; the others wait.
  func testCallerThatCannotWaitIsToldAtOnce() async throws {
    let (session, proxy, person) = try await expired(TestClock())
    try await proxy.setRules([
      [
        "method": "RefreshToken", "fault": "answer", "times": 1, "status": 429,
        "code": "resource_exhausted", "headers": ["Retry-After": "4"],
      ]
    ])
    let client = OpenWearablesClient(session)
    let patient = Task { try await client.users.get(person.id) }
    try await eventually("a refresh") { try await proxy.report().refreshes == 1 }
    for _ in 0..<2 {
      let began = monotonic()
      let failed = try await error {
        _ = try await client.users.rpc.getUser(
          GetUserRequest(id: person.id), options: CallOptions(timeout: 2))
      }
      XCTAssertTrue(failed.isRateLimited, "\(failed)")
      XCTAssertTrue((1...4).contains(failed.retryAfter ?? 0), "\(failed.retryAfter ?? 0)")
      XCTAssertLessThan(monotonic() - began, 1.5)
    }
    _ = try await result(of: patient).get()
  }

  /// "Nobody is signed in" is an answer: the next call asks again.
  func testProviderIsAskedAgainAfterNobodyWasSignedIn() async throws {
    let person = try await server.newPerson()
    let isSignedIn = Locked(false)
    let session = UserSession(baseURL: server.url) { _ in
      guard isSignedIn.with({ $0 }) else { throw SignInRequired() }
      return person.tokens
    }
    for _ in 0..<3 {
      let failed = try await error { _ = try await session.accessToken() }
      XCTAssertEqual(failed.reason, .signedOut)
    }
    isSignedIn.with { $0 = true }
    _ = try await session.accessToken()
  }

  /// The failure of a provider says why and for how long, and a person need not wait.
  func testProvidersFailureSaysWhyAndForHowLong() async throws {
    struct Busy: LocalizedError { var errorDescription: String? { "the shop is closed" } }
    let person = try await server.newPerson()
    let fails = Locked(true)
    let session = UserSession(baseURL: server.url) { _ in
      if fails.with({ $0 }) { throw Busy() }
      return person.tokens
    }
    let first = try await error { _ = try await session.accessToken() }
    XCTAssertEqual(first.reason, .tokenProviderFailed)
    XCTAssertTrue(first.message.contains("the shop is closed"), first.message)
    XCTAssertTrue((5...10).contains(first.retryAfter ?? 0))
    fails.with { $0 = false }
    let second = try await error { _ = try await session.accessToken() }
    XCTAssertLessThan(try XCTUnwrap(second.retryAfter), try XCTUnwrap(first.retryAfter))
    _ = try await session.accessToken(userInitiated: true)
  }

  /// What an error of the app says in words is kept without what could be a secret.
  func testProvidersFailureShowsNoCredential() {
    struct Bare: Error { let token: String }
    struct Told: Error, CustomStringConvertible { let description: String }
    let secret = "rt_" + randomKey()
    XCTAssertTrue(APIError.providerFailed(Bare(token: secret)).message.hasSuffix("Bare"))
    let told = APIError.providerFailed(Told(description: "no \(secret)\u{1b}[0m"))
    XCTAssertTrue(told.message.hasSuffix("no rt_…\u{fffd}[0m"), told.message)
    let system = NSError(domain: "shop", code: 7, userInfo: ["token": secret])
    XCTAssertTrue(APIError.providerFailed(system).message.hasSuffix(": shop 7"))
    let key = DecodingError.keyNotFound(
      FieldKey(stringValue: "token"), .init(codingPath: [], debugDescription: secret))
    XCTAssertFalse(APIError.providerFailed(key).message.contains("rt_"))
    let canceled = APIError.providerFailed(CancellationError())
    XCTAssertEqual(canceled.reason, .tokenProviderFailed)
    XCTAssertTrue(
      APIError.providerFailed(APIError.invalid("the pair is empty")).message.hasSuffix(
        "the pair is empty"))
  }

  /// A session that was signed out without a network ends at the server with the next call
  /// that succeeds, whoever makes it.
  func testSignOutWithoutANetworkIsMadeUpFor() async throws {
    let proxy = try server.proxy()
    let (ada, bob) = (try await server.newPerson(), try await server.newPerson())
    let store = try await seeded(proxy.base, ada.tokens, "fresh")
    try await proxy.setRules([["method": "*", "fault": "reset"]])
    let failed = try await error {
      try await UserSession(baseURL: proxy.url, store: store).signOut()
    }
    XCTAssertTrue(failed.isOffline, "\(failed)")
    let direct = try server.client(accessToken: ada.tokens.accessToken.reveal())
    _ = try await direct.users.get(ada.id)
    try await proxy.setRules([])
    let next = UserSession(baseURL: proxy.url) { _ in bob.tokens }
    _ = try await OpenWearablesClient(next).users.get(bob.id)
    try await eventually("the first session ended") {
      do {
        _ = try await direct.users.get(ada.id)
        return false
      } catch let error as APIError { return error.isUnauthenticated }
    }
    _ = try await OpenWearablesClient(next).users.get(bob.id)
    let revokes = try await proxy.report().requests["RevokeToken"]
    XCTAssertEqual(revokes, 3, "two attempts of the sign-out, one behind the call")
  }

  /// A person need not wait after an answer that asks for no wait.
  func testPersonEndsACooldownThatTheServerDidNotAskFor() async throws {
    for byNetwork in [false, true] {
      let (session, proxy, _) = try await expired(TestClock())
      try await proxy.setRules([
        [
          "method": "RefreshToken", "fault": "answer", "status": 503, "code": "unavailable",
          "reason": "unavailable",
        ]
      ])
      _ = try await error { _ = try await session.accessToken() }
      try await proxy.setRules([])
      _ = try await error { _ = try await session.accessToken() }
      if byNetwork { await session.networkChanged() }
      _ = try await session.accessToken(userInitiated: !byNetwork)
    }
  }

  /// What the server asks of a provider holds against a person too.
  func testServersOwnWaitThroughAProviderIsNotCutShort() async throws {
    let proxy = try server.proxy()
    try await proxy.setRules([
      [
        "method": "GetUser", "fault": "answer", "status": 429, "code": "resource_exhausted",
        "headers": ["Retry-After": "50"],
      ]
    ])
    let backend = try OpenWearablesClient(baseURL: proxy.url, .key(Secret("opaque")), .init())
    let asked = Locked(0)
    let session = UserSession(baseURL: server.url) { _ in
      asked.with { $0 += 1 }
      _ = try await backend.users.get("u")
      throw TestFailure("it was not refused")
    }
    _ = try await error { _ = try await session.accessToken() }
    await session.networkChanged()
    let failed = try await error { _ = try await session.accessToken(userInitiated: true) }
    XCTAssertEqual(failed.reason, .tokenProviderFailed)
    XCTAssertEqual(try XCTUnwrap(failed.retryAfter), 50, accuracy: 5)
    XCTAssertEqual(asked.with { $0 }, 1)
  }
}

import Foundation
import OpenWearablesServer
import XCTest

@testable import OpenWearables

final class EngineTests: XCTestCase {
  private let server = TestServer.shared

  /// Returns a session of a person, behind a proxy.
  private func session(
    _ age: String, clock: Clock = .system, refresh: RefreshPolicy = .whenNeeded
  ) async throws -> (session: UserSession, proxy: FaultProxy, person: Person, store: MemoryStore) {
    let proxy = try server.proxy()
    let person = try await server.newPerson()
    let store = try await seeded(proxy.base, person.tokens, age)
    let session = UserSession(
      baseURL: proxy.url, store: store, refresh: refresh, clock: clock, provider: { _ in nil })
    return (session, proxy, person, store)
  }

  /// A thousand tasks with an expired token share one refresh, and all succeed.
  func testThousandTasksShareOneRefresh() async throws {
    let (session, proxy, person, _) = try await session("expired")
    let client = OpenWearablesClient(session, options: .init(timeout: 120))
    let tokens = try await withThrowingTaskGroup(of: Secret.self) { group in
      for i in 0..<1000 {
        group.addTask {
          let token = try await session.accessToken().token
          if i.isMultiple(of: 10) { _ = try await client.users.get(person.id) }
          return token
        }
      }
      return try await group.reduce(into: Set<Secret>()) { $0.insert($1) }
    }
    XCTAssertEqual(tokens.count, 1)
    let report = try await proxy.report()
    XCTAssertEqual(report.refreshes, 1)
    XCTAssertEqual(report.rotated, 1)
  }

  /// The first waiter is cancelled during the refresh; the others get the token.
  func testCancellingTheFirstWaiterHurtsNobody() async throws {
    let (session, proxy, _, _) = try await session("expired")
    try await proxy.setRules([["method": "RefreshToken", "fault": "hold_answer", "times": 1]])
    let first = Task { try await session.accessToken() }
    try await eventually("the refresh held") { try await proxy.report().held == 1 }
    let others = (0..<20).map { _ in Task { try await session.accessToken() } }
    first.cancel()
    let canceled = try await result(of: first)
    XCTAssertThrowsError(try canceled.get()) {
      XCTAssertEqual(($0 as? APIError)?.kind, .canceled, "\($0)")
    }
    try await proxy.release()
    for other in others { _ = try await result(of: other).get() }
    let refreshes = try await proxy.report().refreshes
    XCTAssertEqual(refreshes, 1)
  }

  /// With the refresh endpoint down, a hundred callers make at most four requests a renewal
  /// and twelve a minute, and the session is kept.
  func testRefreshOutageBoundsRequestsAndSignsNobodyOut() async throws {
    let clock = TestClock()
    let (session, proxy, _, _) = try await session("expired", clock: clock.clock)
    let recorder = EventRecorder()
    recorder.listen(session.events)
    try await proxy.setRules([
      [
        "method": "RefreshToken", "fault": "answer", "status": 503, "code": "unavailable",
        "reason": "unavailable",
      ]
    ])
    var before = 0
    for minute in 0..<10 {
      for _ in 0..<60 {
        await withTaskGroup(of: APIError.Kind?.self) { group in
          for _ in 0..<100 {
            group.addTask {
              do {
                _ = try await session.accessToken()
                return nil
              } catch { return (error as? APIError)?.kind }
            }
          }
          for await kind in group { XCTAssertEqual(kind, .unavailable) }
        }
        clock.advance(1)
      }
      let now = try await proxy.report().refreshes
      XCTAssertTrue((1...12).contains(now - before), "\(now - before) in minute \(minute)")
      before = now
    }
    try await proxy.setRules([])
    clock.advance(120)
    _ = try await session.accessToken()
    XCTAssertEqual(recorder.count("session_expired") + recorder.count("signed_out"), 0)
  }

  /// Whenever a sign-out comes during a refresh, the session stays signed out and both
  /// pairs are revoked at the server.
  func testSignOutWinsOverARefreshUnderWay() async throws {
    let proxy = try server.proxy()
    var rotations = 0
    for round in 0..<200 {
      let person = try await server.newPerson()
      let store = try await seeded(proxy.base, person.tokens, "expired")
      let session = UserSession(baseURL: proxy.url, store: store)
      let token = Task { try await session.accessToken().token }
      let out = Task {
        await pause(Double(round % 40) * 50e-6)
        try await session.signOut()
      }
      try await result(of: out).get()
      let renewed = try await result(of: token)
      let got = try? renewed.get()
      do {
        _ = try await session.accessToken()
        XCTFail("round \(round): signed in after the sign-out")
      } catch { XCTAssertEqual(error.reason, .signedOut) }
      let left = await store.load()
      XCTAssertNil(left, "round \(round): the session came back")
      for secret in [person.tokens.accessToken, got].compactMap({ $0 }) {
        let direct = try server.client(accessToken: secret.reveal())
        try await eventually("round \(round): the token dead") {
          do {
            _ = try await direct.users.get(person.id)
            return false
          } catch let error as APIError { return error.isUnauthenticated }
        }
      }
      if round % 50 == 49 {
        rotations += try await proxy.report().rotated
        try await proxy.reset()
      }
    }
    XCTAssertGreaterThan(rotations, 0)
  }

  /// A sign-out between saving and using the new pair is final too.
  func testSignOutBetweenSaveAndUseBringsNothingBack() async throws {
    let (proxy, person) = (try server.proxy(), try await server.newPerson())
    let store = PausingStore(try await seeded(proxy.base, person.tokens, "expired"))
    let session = UserSession(baseURL: proxy.url, store: store)
    let caller = Task { try await session.accessToken() }
    try await store.saved.value(by: Deadline(in: 10))
    try await session.signOut()
    store.resume.fulfill(())
    let during = try await result(of: caller)
    let after = try await result(of: Task { try await session.accessToken() })
    for refused in [during, after] {
      XCTAssertThrowsError(try refused.get()) {
        XCTAssertEqual(($0 as? APIError)?.reason, .signedOut)
      }
    }
    let left = await store.inner.load()
    XCTAssertNil(left)
    let report = try await proxy.report()
    XCTAssertEqual(report.rotated, 1)
    XCTAssertGreaterThanOrEqual(report.requests["RevokeToken"] ?? 0, 1)
  }

  /// A widget reads the session that the app keeps, reports its expiry, and changes
  /// nothing.
  func testSessionThatNeverRefreshesOnlyReads() async throws {
    let clock = TestClock()
    let (widget, proxy, person, store) = try await session(
      "fresh", clock: clock.clock, refresh: .never)
    let client = OpenWearablesClient(widget)
    _ = try await client.users.get(person.id)
    let before = await store.load()
    clock.advance(person.tokens.expiresIn + 10)
    do {
      _ = try await client.users.get(person.id)
      XCTFail("it called with a token that is over")
    } catch {
      XCTAssertEqual(error.reason, .refreshElsewhere)
      XCTAssertTrue(error.isUnavailable)
    }
    do {
      try await widget.signOut()
      XCTFail("it signed out")
    } catch { XCTAssertTrue(error.isInvalid) }
    let app = UserSession(
      baseURL: proxy.url, store: store, clock: clock.clock, core: Core(), provider: { _ in nil })
    _ = try await app.accessToken()
    _ = try await client.users.get(person.id)
    let report = try await proxy.report()
    XCTAssertEqual(report.refreshes, 1)
    XCTAssertEqual(report.requests["RevokeToken"] ?? 0, 0)
    let after = await store.load()
    XCTAssertNotEqual(before, after)
  }

  /// Sessions with the same store, base URL and user are one session; any others are not.
  func testSameStoreBaseURLAndUserShareOneSession() async throws {
    let store = MemoryStore()
    let base = URL(string: "https://api.example.com/")!
    let a = UserSession(baseURL: base, store: store)
    let b = UserSession(baseURL: URL(string: "https://API.example.com")!, store: store)
    let c = UserSession(baseURL: base, store: MemoryStore())
    let d = UserSession(baseURL: URL(string: "https://api.example.org")!, store: store)
    XCTAssertTrue(a.engine.core === b.engine.core)
    XCTAssertFalse(a.engine.core === c.engine.core)
    XCTAssertFalse(a.engine.core === d.engine.core)
    let e = UserSession(baseURL: base, store: store, userID: "e")
    XCTAssertFalse(a.engine.core === e.engine.core)
    XCTAssertTrue(
      e.engine.core === UserSession(baseURL: base, store: store, userID: "e").engine.core)
  }

  /// Streams of events end with their session.
  func testEventsEndWithTheSession() async throws {
    var session: UserSession? = UserSession(baseURL: server.url, store: MemoryStore())
    let events = session!.events
    session = nil
    let seen = try await withTimeout(10) { await events.reduce(into: 0) { n, _ in n += 1 } }
    XCTAssertEqual(seen, 0)
  }

  /// With a base URL that credentials must not be sent to, every call fails and nothing is
  /// sent.
  func testUnsafeBaseURLFailsEveryCall() async throws {
    for text in [
      "http://api.example.com", "https://", "ftp://a.example", "https://user@a.example",
      "https://a.example?x=1", "https://a.example#x", "api.example.com",
      "http://127.0.0.1.evil.example",
    ] {
      let session = UserSession(baseURL: URL(string: text)!)
      do {
        _ = try await OpenWearablesClient(session).users.get("x")
        XCTFail(text)
      } catch {
        XCTAssertTrue(error.isInvalid, text)
        XCTAssertEqual(error.reason, .invalidOption, text)
      }
      XCTAssertThrowsError(
        try OpenWearablesClient(baseURL: URL(string: text)!, apiKey: "ow_test_x"), text)
    }
  }

  func testMalformedAPIKeyIsRefused() throws {
    for key in ["", "rt_x", "secret_x", "app_x", "Bearer ow_test_x", "ow_test_x\n"] {
      XCTAssertThrowsError(try OpenWearablesClient(baseURL: server.url, apiKey: key), key) {
        XCTAssertEqual(($0 as? APIError)?.reason, .invalidOption)
      }
    }
  }

  /// A developer is logged in once; a wrong password is an error of its own.
  func testDeveloperLogsInWithAPassword() async throws {
    let me = try await server.developer.sessions.me()
    XCTAssertEqual(me.email, server.email)
    let wrong = UserSession.developer(baseURL: server.url, email: server.email) {
      "not-it-" + randomKey()
    }
    do {
      _ = try await OpenWearablesClient(wrong).sessions.me()
      XCTFail("a wrong password was taken")
    } catch { XCTAssertEqual(error.reason, "invalid_credentials") }
  }

  /// A backend exchanges its application's secret, and its app reads the tokens.
  func testBackendExchangesSecretForTokensOfItsApp() async throws {
    let made = try await server.developer.applications.create(name: "shop")
    let app = try AppCredentials(
      baseURL: server.url, appID: made.application.appID, appSecret: made.secret.reveal())
    let person = try await server.newPerson()
    let json = try JSONEncoder().encode(try await app.exchange(userID: person.id).exposed)
    let session = UserSession(baseURL: server.url, userID: person.id) { request in
      XCTAssertEqual(request.userID, person.id)
      XCTAssertEqual(request.reason, .signedOut)
      return try JSONDecoder().decode(SessionTokens.self, from: json)
    }
    let user = try await OpenWearablesClient(session).users.get(person.id)
    XCTAssertEqual(user.id, person.id)
    let wrong = try AppCredentials(
      baseURL: server.url, appID: made.application.appID, appSecret: "secret_" + randomKey())
    do {
      _ = try await wrong.exchange(userID: person.id)
      XCTFail("a wrong secret was taken")
    } catch { XCTAssertTrue(error.isUnauthenticated) }
  }

  /// Responses and errors contain the request id and the rate limit; lists fetch their
  /// pages as they are read.
  func testResponsesAndErrorsCarryRequestIDAndRateLimit() async throws {
    let person = try await server.newPerson()
    let answer = try await server.developer.users.rpc.getUser(GetUserRequest(id: person.id))
    XCTAssertNotNil(answer.requestID)
    XCTAssertEqual(answer.rateLimit?.limit, 1_000_000)
    do {
      _ = try await server.developer.users.get("00000000-0000-4000-8000-000000000000")
      XCTFail("it is there")
    } catch {
      XCTAssertTrue(error.isNotFound)
      XCTAssertNotNil(error.requestID)
      XCTAssertNotNil(error.rateLimit)
    }
    do {
      _ = try await server.developer.users.create(CreateUserRequest(email: "no address"))
      XCTFail("it was taken")
    } catch {
      XCTAssertTrue(error.isInvalid)
      XCTAssertEqual(error.fields.map(\.field), ["email"])
    }
    let start = Date(timeIntervalSince1970: 1_772_323_200)
    let inputs = (0..<5).map { i in
      let time = start.addingTimeInterval(Double(i) * 3600)
      return WorkoutInput(
        externalID: "w\(i)", type: "running", startTime: time, endTime: time,
        source: WorkoutSource(provider: "test"))
    }
    let session = UserSession(baseURL: server.url) { _ in person.tokens }
    let client = OpenWearablesClient(session)
    let stored = try await client.workouts.upsert(userID: person.id, inputs)
    XCTAssertEqual(stored.created, 5)
    var seen: [String] = []
    for try await workout in client.workouts.list(
      userID: person.id, from: start, to: start.addingTimeInterval(86_400))
    {
      seen.append(workout.externalID)
    }
    XCTAssertEqual(seen, ["w4", "w3", "w2", "w1", "w0"])
  }
}

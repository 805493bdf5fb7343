import Foundation
import OpenWearablesServer
import XCTest

@testable import OpenWearables

final class SecretTests: XCTestCase {
  private let canary = "rt_" + randomKey()

  private func assertSilent(_ value: Any, _ note: String = "", line: UInt = #line) {
    let text = renderings(of: value)
    XCTAssertFalse(text.contains(canary), "\(type(of: value)) \(note)", line: line)
    // The bytes of a Data, as dump shows them.
    let bytes = canary.utf8.prefix(8).map { "- \($0)" }.joined(separator: "\n")
    let plain = text.replacingOccurrences(of: "\n +", with: "\n", options: .regularExpression)
    XCTAssertFalse(plain.contains(bytes), "\(type(of: value)) \(note)", line: line)
    XCTAssertFalse("\([value])\(Optional(value) as Any)".contains(canary), line: line)
  }

  /// No way to print a value shows the secret in it.
  func testNoDescriptionShowsASecret() async throws {
    let secret = Secret(canary)
    XCTAssertEqual(secret.reveal(), canary)
    XCTAssertTrue("\(secret)".hasPrefix("rt_…"))
    XCTAssertEqual("\(secret)".count, 8)
    XCTAssertEqual(secret, Secret(canary))
    XCTAssertNotEqual(secret, Secret("rt_other"))
    let tokens = SessionTokens(accessToken: secret, refreshToken: secret, expiresIn: 3600)
    let store = MemoryStore()
    let session = UserSession(baseURL: TestServer.shared.url, store: store) { _ in tokens }
    let key = try OpenWearablesClient(baseURL: TestServer.shared.url, .key(Secret(canary)), .init())
    let app = try AppCredentials(baseURL: TestServer.shared.url, appID: "app_x", appSecret: canary)
    let token = try await session.accessToken()
    XCTAssertEqual(token.token.reveal(), canary)
    let stored = await store.load()
    let raw = try XCTUnwrap(stored)
    let live = LiveSession(try Record(stored: raw), stored: raw, clock: .system)
    XCTAssertEqual(live.record.access, canary)
    let options = CallOptions(headers: ["authorization": canary])
    let values: [Any] = [
      secret, tokens, tokens.exposed, session, key, app, OpenWearablesClient(session), token,
      options, store,
      Response(
        body: LoginResponse(
          tokens: TokenPair(accessToken: canary, tokenType: "", refreshToken: canary))),
      LoginRequest(email: "a@b.example", password: canary),
      CreateUserTokenRequest(userID: "u", appID: "a", appSecret: canary),
      ReportCredentialRequest(credential: canary), live, live.record, KeyedBy(secret: secret),
    ]
    for value in values { assertSilent(value) }
  }

  /// The secret of a webhook is hidden as every other credential is.
  func testEveryKindOfCredentialIsHidden() {
    for prefix in ["ow_live_", "ow_test_", "secret_", "rt_", "whsec_"] {
      let body = String(repeating: prefix == "whsec_" ? "+/z9" : "z9z9", count: 8)
      XCTAssertTrue("\(Secret(prefix + body))".hasPrefix(prefix + "…"))
      XCTAssertEqual(masked("you sent \(prefix)\(body) to us"), "you sent \(prefix)… to us")
      XCTAssertEqual(masked("q=a%3D\(prefix)\(body)"), "q=a%3D\(prefix)…")
      XCTAssertEqual(masked("x\(prefix)\(body)"), "x\(prefix)…")
    }
  }

  private struct KeyedBy { let secret: Secret }

  func testOnlyTheCredentialIsHidden() {
    XCTAssertEqual(masked("start_date_of_the_report_is_wrong"), "start_date_of_the_report_is_wrong")
    XCTAssertEqual(
      masked("https://ada:hunter2@example.com/a@b failed"), "https://…@example.com/a@b failed")
    let jwt = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2lnbmF0dXJl"
    XCTAssertEqual(masked("access_token=_\(jwt)&x"), "access_token=_eyJ…&x")
  }

  /// No value that can be reached from a client, a session, a store, an error, an event or a
  /// response shows a secret, however deep it lies.
  func testNothingReachableShowsASecret() async throws {
    let (url, store, canary) = (TestServer.shared.url, MemoryStore(), canary)
    let tokens = SessionTokens(
      accessToken: Secret(canary), refreshToken: Secret(canary), expiresIn: 3600)
    let session = UserSession(baseURL: url, store: store) { _ in tokens }
    _ = try await session.accessToken()
    let failing = UserSession(
      baseURL: url, store: try await seeded(url.absoluteString, tokens, "expired"))
    var errors: [any Error] = []
    for call in [
      { _ = try await failing.accessToken() },
      { try await failing.signIn(SessionTokens(accessToken: Secret(canary + " "), expiresIn: 1)) },
      { _ = try await OpenWearablesClient(session).users.get("u") },
    ] as [@Sendable () async throws -> Void] {
      do {
        try await call()
        XCTFail("it succeeded")
      } catch { errors.append(error) }
    }
    let keyed = try OpenWearablesClient(baseURL: url, .key(Secret(canary)), .init())
    let server = try HostileServer(
      ["X-Token": canary],
      text:
        #"{"key":{"id":"k","createdAt":"2026-03-01T00:00:00Z"},"secret":"\#(canary)","#
        + #""tokens":{"accessToken":"\#(canary)","expiresIn":9}}"#
    )
    let other = try OpenWearablesClient(baseURL: server.url, .key(Secret(canary)), .init())
    let path = TestServer.shared.folder.appendingPathComponent("\(canary)").path
    let core = session.engine.core
    let (live, failures) = (await core.session, await core.failures(of: canary))
    let roots: [Any] = [
      try XCTUnwrap(live), failures, keyed, keyed.transport, keyed.events,
      OpenWearablesClient(session),
      OpenWearablesClient(session).transport,
      keyed.users.list(), keyed.users.list().makeAsyncIterator(), session, session.events, failing,
      store, FileStore(path: "\(path)-not-shown".replacingOccurrences(of: canary, with: "x")),
      try AppCredentials(baseURL: url, appID: "app_x", appSecret: canary), tokens, tokens.exposed,
      try await other.keys.create(), try await other.keys.rpc.createKey(CreateKeyRequest()),
      try await other.tokens.create(userID: "u"),
      try await other.tokens.rpc.createUserToken(
        CreateUserTokenRequest(userID: "u", appID: "", appSecret: "")),
      try await other.sessions.rpc.login(LoginRequest(email: "e", password: canary)),
      CreateUserTokenRequest(userID: "u", appID: "", appSecret: canary), errors,
      errors.compactMap { $0 as? APIError }.map {
        SessionEvent.refreshFailed($0, willRetry: false)
      },
    ]
    let reached = inventory(of: roots)
    let types = Set(reached.map { "\(type(of: $0))" })
    for name in [
      "Users", "UserServiceClient", "Caller", "Core", "LiveSession", "Record", "Slots",
      "CreateUserTokenResponse",
    ] {
      XCTAssertTrue(types.contains(name), "\(name) was not reached: \(types.sorted())")
    }
    for value in reached { assertSilent(value, "reached") }
    for value in roots { assertSilent(value) }
  }

  /// An error about an unusable secret does not contain it.
  func testErrorsDoNotRepeatSecrets() async throws {
    for json in [
      "{\"access_token\": \"\(canary)\"}", "[\"\(canary)\"]", "\(canary)",
      "{\"access_token\": [\"\(canary)\"], \"expires_in\": 1}",
    ] {
      XCTAssertThrowsError(try JSONDecoder().decode(SessionTokens.self, from: Data(json.utf8))) {
        assertSilent($0, json)
      }
    }
    let session = UserSession(baseURL: TestServer.shared.url)
    for bad in ["Bearer \(canary)", "\(canary)\n", "\(canary) x"] {
      let tokens = SessionTokens(accessToken: Secret(bad), expiresIn: 60)
      do {
        try await session.signIn(tokens)
        XCTFail(bad)
      } catch { assertSilent(error) }
      XCTAssertThrowsError(try OpenWearablesClient(baseURL: TestServer.shared.url, apiKey: bad)) {
        assertSilent($0)
      }
    }
    struct Leaky: Error { let record: String }
    let provider = UserSession(baseURL: TestServer.shared.url) { [canary] _ in
      throw Leaky(record: canary)
    }
    do {
      _ = try await provider.accessToken()
      XCTFail("it has a token")
    } catch { assertSilent(error) }
    assertSilent(APIError.storage(Leaky(record: canary)))
    assertSilent(SessionEvent.storageError(.storage(Leaky(record: canary))))
  }

  /// The app's session reads the response of its backend.
  func testExposedTokensDecodeAsSessionTokens() throws {
    let tokens = SessionTokens(
      accessToken: Secret("a"), refreshToken: Secret("r"), expiresIn: 3600)
    let json = try JSONEncoder().encode(tokens.exposed)
    let fields = try XCTUnwrap(JSONSerialization.jsonObject(with: json) as? [String: Any])
    XCTAssertEqual(
      Set(fields.keys), ["access_token", "refresh_token", "token_type", "expires_in"])
    XCTAssertEqual(try JSONDecoder().decode(SessionTokens.self, from: json), tokens)
  }
}

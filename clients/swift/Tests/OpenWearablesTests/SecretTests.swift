import Foundation
import OpenWearablesServer
import XCTest

@testable import OpenWearables

final class SecretTests: XCTestCase {
  private let canary = "rt_" + randomKey()

  private func assertSilent(_ value: Any, _ note: String = "", line: UInt = #line) {
    XCTAssertFalse(renderings(of: value).contains(canary), "\(type(of: value)) \(note)", line: line)
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
    let key = try Client(baseURL: TestServer.shared.url, .key(canary), .init())
    let app = try AppCredentials(baseURL: TestServer.shared.url, appID: "app_x", appSecret: canary)
    let token = try await session.accessToken()
    XCTAssertEqual(token.token.reveal(), canary)
    let stored = await store.load()
    let live = try LiveSession(
      base: session.engine.base, stored: try XCTUnwrap(stored), clock: .system)
    XCTAssertEqual(live.record.access, canary)
    let options = CallOptions(headers: ["authorization": canary])
    let values: [Any] = [
      secret, tokens, tokens.exposed, session, key, app, Client(session), token, options, store,
      Response(body: LoginResponse(tokens: TokenPair(accessToken: canary, refreshToken: canary))),
      LoginRequest(email: "a@b.example", password: canary),
      CreateUserTokenRequest(userID: "u", appID: "a", appSecret: canary),
      live, live.record, KeyedBy(secret: secret),
    ]
    for value in values { assertSilent(value) }
  }

  private struct KeyedBy { let secret: Secret }

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
      XCTAssertThrowsError(try Client(baseURL: TestServer.shared.url, apiKey: bad)) {
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

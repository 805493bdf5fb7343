import Foundation
import OpenWearablesServer
import XCTest

@testable import OpenWearables

/// What a broken or hostile server, or a gateway in front of it, can do to a client.
final class HostileServerTests: XCTestCase {
  private let spaces = Data(repeating: 0x20, count: 64 << 10)

  private func failure<Value: Sendable>(
    _ call: @escaping @Sendable () async throws -> Value
  ) async throws -> APIError {
    do {
      let value = try await withTimeout(60) { try await call() }
      throw TestFailure("it succeeded: \(value)")
    } catch let error as APIError { return error }
  }

  private func getUser(_ server: HostileServer, _ options: OpenWearablesClient.Options = .init())
    async throws
    -> APIError
  {
    let client = try OpenWearablesClient(baseURL: server.url, .key(Secret("ow_test_k")), options)
    return try await failure { try await client.users.get("u") }
  }

  private func checkTooLarge(
    _ error: APIError, _ server: HostileServer, _ note: String, line: UInt = #line
  ) {
    XCTAssertEqual(error.reason, .invalidResponse, "\(note): \(error)", line: line)
    XCTAssertEqual(error.kind, .internal, note, line: line)
    XCTAssertTrue(error.message.contains("larger than"), "\(note): \(error)", line: line)
    XCTAssertEqual(server.requests.count, 1, "\(note): it was repeated", line: line)
  }

  /// An answer without an end is cut off at the bound, whatever its status and encoding, and
  /// the call is not repeated.
  func testAnswerBeyondTheBoundIsCutOffAndNotRepeated() async throws {
    let gzip = endlessGzip()
    for status in [200, 401, 500, 503] {
      let plain = try HostileServer(endless: status, repeat: spaces, upTo: 64 << 20)
      checkTooLarge(try await getUser(plain), plain, "\(status)")
      let packed = try HostileServer(
        endless: status, ["Content-Encoding": "gzip"], begin: gzip.begin, repeat: gzip.part,
        upTo: 4 << 20)
      checkTooLarge(try await getUser(packed), packed, "\(status) gzip")
    }
    let declared = try HostileServer(
      endless: 200, ["Content-Length": "\(1 << 30)"], repeat: spaces, upTo: 64 << 20)
    checkTooLarge(try await getUser(declared), declared, "1 GiB")
  }

  /// A body of 64 MiB that unpacks to 10 GB costs no more memory than the bound and a few
  /// buffers, ends at the bound, and delays no other call.
  func testBodyThatUnpacksToMuchCostsLittleMemory() async throws {
    #if os(Linux)
      let gzip = endlessGzip()
      let server = try HostileServer(
        endless: 200, ["Content-Encoding": "gzip"], begin: gzip.begin, repeat: gzip.part,
        upTo: 64 << 20)
      let before = residentBytes()
      let peak = Locked(before)
      let watch = Task {
        while await pause(0.001) { peak.with { $0 = max($0, residentBytes()) } }
      }
      for n in 1...4 {
        _ = try await getUser(server)
        XCTAssertEqual(server.requests.count, n)
        try await checkAnswered("beside a gzip bomb")
      }
      watch.cancel()
      let grown = peak.with { $0 } - before
      print("a gzip bomb: \(grown >> 20) MiB more")
      XCTAssertLessThan(grown, 128 << 20)
    #endif
  }

  /// The body of a redirect, which no delegate sees, ends with its call.
  func testEndlessRedirectDelaysNoOtherCall() async throws {
    let server = try HostileServer(
      endless: 302, ["Location": "/x"], repeat: spaces, upTo: 1 << 30)
    let error = try await getUser(server, .init(timeout: 0.3))
    XCTAssertTrue(error.isTimeout, "\(error)")
    try await checkAnswered("after an endless redirect")
  }

  /// Checks that the small call of another client is answered.
  private func checkAnswered(_ when: String) async throws {
    let other = try HostileServer(text: userJSON)
    let client = try OpenWearablesClient(baseURL: other.url, .none, .init(timeout: 10))
    let began = monotonic()
    _ = try await client.users.get("u")
    print("a call \(when): \(Int((monotonic() - began) * 1000)) ms")
  }

  /// The bound is an option, and a smaller body is read.
  func testBoundIsAnOption() async throws {
    let name = String(repeating: "n", count: 2000)
    let server = try HostileServer(
      text: #"{"user":{"id":"u","createdAt":"2026-03-01T00:00:00Z","firstName":"\#(name)"}}"#)
    checkTooLarge(try await getUser(server, .init(maxResponseBytes: 1000)), server, "1000 bytes")
    let user = try await OpenWearablesClient(
      baseURL: server.url, .none, .init(maxResponseBytes: 3000)
    ).users
      .get("u")
    XCTAssertEqual(user.firstName, name)
  }

  /// A session whose server answers its refresh in `answer`; it has expired.
  private func expired(_ server: HostileServer) async throws -> (UserSession, MemoryStore, Data?) {
    let tokens = SessionTokens(
      accessToken: Secret("a"), refreshToken: Secret("rt_x"), expiresIn: 3600)
    let store = try await seeded(server.url.absoluteString, tokens, "expired")
    return (UserSession(baseURL: server.url, store: store), store, await store.load())
  }

  /// 1 MiB is the bound of the calls that mint, renew and revoke tokens. A renewal that
  /// fails at it keeps the session.
  func testTokenCallsHaveASmallerBound() async throws {
    let body = Data(#"{"tokens":{}}"#.utf8) + Data(repeating: 0x20, count: 2 << 20)
    for status in [200, 401] {
      let server = try HostileServer(status: status, body: body)
      let (session, store, before) = try await expired(server)
      checkTooLarge(try await failure { try await session.accessToken() }, server, "refresh")
      let after = await store.load()
      XCTAssertEqual(after, before)
    }
    let exchanging = try HostileServer(body: body)
    let app = try AppCredentials(baseURL: exchanging.url, appID: "app_x", appSecret: "secret_x")
    checkTooLarge(
      try await failure { try await app.exchange(userID: "u") }, exchanging, "exchange")
    let logins = try HostileServer(body: body)
    let developer = OpenWearablesClient(
      UserSession.developer(baseURL: logins.url, email: "a@b.example") { "p" })
    checkTooLarge(try await failure { try await developer.sessions.me() }, logins, "login")
    let minting = try HostileServer(body: body)
    let client = try OpenWearablesClient(baseURL: minting.url, .key(Secret("ow_test_k")), .init())
    checkTooLarge(
      try await failure { try await client.tokens.create(userID: "u") }, minting, "mint")
  }

  /// What a server writes in an error is at most 1 KB and cannot steer a terminal or forge a
  /// line of a log.
  func testMessagesOfAServerAreShortAndPrintable() async throws {
    let long = try HostileServer(
      status: 404,
      text: #"{"code":"not_found","message":"\#(String(repeating: "é", count: 300_000))"}"#)
    let cut = try await getUser(long)
    XCTAssertTrue(cut.isNotFound)
    XCTAssertLessThanOrEqual(cut.message.utf8.count, 1024)
    XCTAssertGreaterThan(cut.message.utf8.count, 1000)
    let vast = try HostileServer(
      status: 404,
      text: #"{"code":"not_found","message":"\#(String(repeating: "m", count: 10 << 20))"}"#)
    checkTooLarge(try await getUser(vast), vast, "a message of 10 MiB")

    let attack = "a\u{1b}[31m\r\nforged: line\u{202e}\u{2066}\u{200f}\u{2028}\u{85}\u{0}b"
    let server = try HostileServer(
      status: 404, ["X-Request-Id": "r\u{1b}[0m"], text: try errorBody(attack))
    let error = try await getUser(server)
    XCTAssertEqual(error.fields.count, 1)
    for value in [
      error.message, error.description, error.reason?.rawValue, error.requestID,
      error.requiredScope, error.fields[0].field, error.fields[0].message, renderings(of: error),
    ] {
      let value = try XCTUnwrap(value)
      XCTAssertTrue(value.contains("\u{fffd}"), value)
      XCTAssertNil(
        value.unicodeScalars.first {
          ($0.properties.generalCategory == .control && $0 != "\n") || $0 == "\u{202e}"
            || $0 == "\u{2066}" || $0 == "\u{200f}" || $0 == "\u{2028}"
        })
      XCTAssertFalse(value.contains("\nforged"))
    }
    XCTAssertEqual(
      printable("Grüße, 你好 👩\u{200d}💻"), "Grüße, 你好 👩\u{200d}💻", "harmless text is kept")
  }

  /// An error with one text as its message and as each member of its detail.
  private func errorBody(_ text: String) throws -> String {
    func member(_ number: UInt8, _ value: Data) -> Data {
      Data([number << 3 | 2, UInt8(value.count)]) + value
    }
    let value = Data(text.utf8)
    let field = member(1, value) + member(2, value)
    let members = [member(1, value), member(2, value), member(3, field), member(4, value)]
    let detail = members.reduce(Data(), +).base64EncodedString()
    let message = String(decoding: try JSONEncoder().encode(text), as: UTF8.self)
    let details = #"[{"type":"openwearables.v1.ErrorDetail","value":"\#(detail)"}]"#
    return #"{"code":"not_found","message":\#(message),"details":\#(details)}"#
  }

  /// An answer that is not what it says is an error of the kind `internal` and not repeated.
  func testAnswerThatCannotBeDecodedIsNotRepeated() async throws {
    let answers: [(String, HostileServer)] = [
      ("no gzip", try HostileServer(["Content-Encoding": "gzip"], text: "{\"user\":{}}")),
      (
        "broken gzip",
        try HostileServer(
          ["Content-Encoding": "gzip"], body: Data([0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255, 7, 7, 7]))
      ),
      ("no JSON", try HostileServer(text: "{")),
      ("another type", try HostileServer(type: "application/proto", text: "x")),
      ("nested", try HostileServer(text: String(repeating: "[", count: 1_000_000))),
    ]
    for (name, server) in answers {
      let error = try await getUser(server)
      XCTAssertEqual(error.kind, .internal, "\(name): \(error)")
      XCTAssertEqual(error.reason, .invalidResponse, name)
      XCTAssertTrue(error.message.contains("cannot be read"), "\(name): \(error)")
      XCTAssertEqual(server.requests.count, 1, name)
    }
  }

  /// An empty 200 is no success: it is an error, is not repeated, and keeps the session.
  func testEmptyAnswerIsAnErrorAndKeepsTheSession() async throws {
    for text in [
      "{}", #"{"tokens":{}}"#, #"{"tokens":{"accessToken":"a"}}"#, #"{"user":{}}"#, #"{"key":{}}"#,
      #"{"key":{"id":"k"}}"#, #"{"application":{"id":"i"},"appSecret":"s"}"#,
      #"{"usage":{}}"#, #"{"user":{"id":"","createdAt":"2026-03-01T00:00:00Z"}}"#,
      #"{"key":{"id":"k","createdAt":"2026-03-01T00:00:00Z"}}"#,
      #"{"application":{"id":"i","createdAt":"2026-03-01T00:00:00Z"},"appSecret":"s"}"#, "",
    ] {
      let server = try HostileServer(text: text)
      let (session, store, before) = try await expired(server)
      let refused = try await failure { try await session.accessToken() }
      XCTAssertEqual(refused.reason, .invalidResponse, text)
      XCTAssertEqual(server.requests.count, 1, "\(text): the refresh was repeated")
      let after = await store.load()
      XCTAssertEqual(after, before, text)

      let app = try AppCredentials(baseURL: server.url, appID: "app_x", appSecret: "secret_x")
      let client = try OpenWearablesClient(baseURL: server.url, .key(Secret("ow_test_k")), .init())
      let calls: [@Sendable () async throws -> Void] = [
        { _ = try await app.exchange(userID: "u") },
        { _ = try await client.tokens.create(userID: "u") },
        { _ = try await client.users.create() }, { _ = try await client.users.get("u") },
        { _ = try await client.keys.create() }, { _ = try await client.keys.rotate("k") },
        { _ = try await client.applications.create(name: "n") },
        { _ = try await client.applications.rotateSecret("a") },
        { _ = try await client.sessions.me() },
        { _ = try await client.workouts.upsert(userID: "u", [WorkoutInput(defaults: ())]) },
        { _ = try await client.usage.account() }, { _ = try await client.usage.user("u") },
      ]
      for (i, call) in calls.enumerated() {
        let before = server.requests.count
        let error = try await failure(call)
        XCTAssertEqual(error.reason, .invalidResponse, "\(text), call \(i): \(error)")
        XCTAssertEqual(server.requests.count, before + 1, "\(text), call \(i)")
      }
    }
  }

  /// A credential that is sent back is not shown.
  func testCredentialThatIsSentBackIsNotShown() async throws {
    let secret = "ow_live_" + randomKey()
    for text in [
      #"{"detail":"no \#(secret)","reason":"\#(secret)"}"#,
      #"{"code":"unauthenticated","message":"no \#(secret)"}"#,
    ] {
      let server = try HostileServer(status: 401, text: text)
      let error = try await getUser(server)
      XCTAssertEqual(error.message, "no ow_live_…")
      XCTAssertFalse(renderings(of: error).contains(secret))
    }
  }

  /// The reason that a gateway gives is told and ends no session.
  func testReasonOfAGatewayEndsNoSession() async throws {
    for reason in ["invalid_refresh_token", "refresh_token_reused", "refresh_token_used"] {
      let server = try HostileServer(
        status: 401, text: #"{"detail":"no","reason":"\#(reason)","code":"bad"}"#)
      let (session, store, before) = try await expired(server)
      let error = try await failure { try await session.accessToken() }
      XCTAssertEqual(error.kind, .unauthenticated, "\(error)")
      XCTAssertEqual(error.reason?.rawValue, reason)
      let after = await store.load()
      XCTAssertEqual(after, before, reason)
    }
  }

  /// A redirect is not followed, so that its target gets neither credential nor request. The
  /// error says that the base URL redirects, whatever the body is.
  func testRedirectIsNamedAndNotFollowed() async throws {
    let target = try HostileServer(text: userJSON)
    let bodies = ["", "<html>", #"{"code":"unavailable"}"#, #"{"code":"unauthenticated"}"#]
    for status in [301, 302, 303, 307, 308] {
      for (i, body) in bodies.enumerated() {
        let server = try HostileServer(
          status: status, ["Location": "\(target.url)/there?token=t#f"],
          type: i > 1 ? "application/json" : "text/html", text: body)
        let error = try await getUser(server)
        XCTAssertEqual(error.kind, .unavailable, "\(status) \(body): \(error)")
        XCTAssertEqual(error.reason, .foreignAnswer)
        XCTAssertTrue(error.message.contains("the base URL redirects (HTTP \(status))"))
        XCTAssertTrue(error.message.contains("\(target.url)/there"), error.message)
        XCTAssertFalse(error.message.contains("token=t"), error.message)
        XCTAssertEqual(server.requests.count, 1, "\(status) \(body): it was repeated")
      }
    }
    XCTAssertEqual(target.requests, [], "a redirect was followed")
  }

  /// The 401 of a gateway that asks for a password is the gateway's, and comes at once.
  func testPasswordOfAGatewayIsNotWaitedFor() async throws {
    for challenge in ["Basic realm=\"x\"", "Digest realm=\"x\", nonce=\"n\""] {
      for _ in 0..<3 {
        let server = try HostileServer(
          status: 401, ["WWW-Authenticate": challenge], type: "text/html", text: "<html>")
        let error = try await getUser(server, .init(timeout: 5))
        XCTAssertEqual(error.kind, .unauthenticated, "\(challenge): \(error)")
        XCTAssertEqual(error.reason, .foreignAnswer, challenge)
        XCTAssertEqual(server.requests.count, 1, challenge)
      }
    }
  }
}

/// The memory that this process holds.
private func residentBytes() -> Int {
  let fields = (try? String(contentsOfFile: "/proc/self/statm", encoding: .utf8))?.split(
    separator: " ")
  return (fields.flatMap { Int($0[1]) } ?? 0) * 4096
}

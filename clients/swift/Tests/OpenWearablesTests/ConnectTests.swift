import Foundation
import XCTest

@testable @_spi(Conformance) import OpenWearables

final class ConnectTests: XCTestCase {
  private struct Vector: Decodable {
    let name: String
    let status: Int
    var type: String?
    var body: JSON?
    var text: String?
    var location: String?
    let code: String
    let kind: String
    var message: String?
    var details: Int?
    var reason: String?
    var requestId: String?
    var requiredScope: String?
    var field: String?
  }

  /// Every shape of a response is read as specified, over a real connection.
  func testEveryShapeOfAnswerBecomesItsError() async throws {
    let path = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
      .appendingPathComponent("connect-vectors.json")
    let decoder = JSONDecoder()
    decoder.keyDecodingStrategy = .convertFromSnakeCase
    let vectors = try decoder.decode([Vector].self, from: Data(contentsOf: path))
    XCTAssertGreaterThan(vectors.count, 30)
    let proxy = try TestServer.shared.proxy()
    let client = try OpenWearablesClient(baseURL: proxy.url, .none, .init(retries: 0))
    for v in vectors {
      var headers: [String: JSON] = ["Content-Type": .string(v.type ?? "application/json")]
      if let location = v.location { headers["Location"] = .string(location) }
      let body =
        try v.text ?? String(decoding: JSONEncoder().encode(v.body ?? .null), as: UTF8.self)
      try await proxy.setRules([
        [
          "method": "GetUser", "fault": "answer", "status": .number(Double(v.status)),
          "body": .string(body), "headers": .object(headers),
        ]
      ])
      do {
        _ = try await client.users.get("x")
        XCTFail("\(v.name): it is an answer")
      } catch let e {
        XCTAssertEqual(e.code.rawValue, v.code, v.name)
        XCTAssertEqual(e.kind.rawValue, v.kind, v.name)
        XCTAssertFalse(e.message.isEmpty, v.name)
        if let message = v.message { XCTAssertEqual(e.message, message, v.name) }
        if let details = v.details { XCTAssertEqual(e.details.count, details, v.name) }
        XCTAssertEqual(e.reason?.rawValue, v.reason, v.name)
        XCTAssertEqual(e.requiredScope, v.requiredScope, v.name)
        XCTAssertEqual(e.fields.first?.field, v.field, v.name)
        if let id = v.requestId { XCTAssertEqual(e.requestID, id, v.name) }
      }
    }
    let seen = try await proxy.report().requests
    XCTAssertEqual(seen, ["GetUser": vectors.count], "a redirect was followed or a call repeated")
  }

  /// Header names are in lower case, header values unchanged, dates in one piece.
  func testHeadersComeInLowerCaseAndDatesWhole() async throws {
    let proxy = try TestServer.shared.proxy()
    let client = try OpenWearablesClient(baseURL: proxy.url, .none, .init(retries: 0))
    try await proxy.setRules([
      [
        "method": "GetUser", "fault": "answer", "status": 200,
        "body": .string(userJSON),
        "headers": [
          "Content-Type": "application/json; charset=utf-8", "X-Request-ID": "req_1",
          "Set-Cookie": "a=b; Path=/", "Expires": "Sun, 06 Nov 1994 08:49:37 GMT",
          "X-RateLimit-Limit": "10", "X-RateLimit-Remaining": "9",
          "X-RateLimit-Reset": "1772323200",
        ],
      ]
    ])
    for _ in 0..<2 {
      let answer = try await client.users.rpc.getUser(GetUserRequest(id: "u"))
      XCTAssertEqual(answer.user.id, "u")
      XCTAssertEqual(answer.requestID, "req_1")
      XCTAssertEqual(answer.headers["expires"], "Sun, 06 Nov 1994 08:49:37 GMT")
      XCTAssertEqual(
        answer.rateLimit?.reset, Date(timeIntervalSince1970: 1_772_323_200))
    }
    XCTAssertEqual(httpDate("Sun, 06 Nov 1994 08:49:37 GMT"), 784_111_777)
    XCTAssertNil(httpDate("Sunday"))
  }

  /// A request is what the protocol requires, and contains nothing else.
  func testRequestCarriesWhatTheProtocolSaysAndNothingElse() async throws {
    let transport = FakeTransport { _ in
      HTTPResponse(status: 200, headers: json, body: Data(userJSON.utf8))
    }
    let base = baseResult(URL(string: "https://api.example.com/v/")!)
    let connect = Connect(base: base, transport: transport, userAgent: "")
    let options = OpenWearablesClient.Options(timeout: 7, userAgent: "shop/2\n.1")
    let client = OpenWearablesClient(
      connect, .key(Secret("ow_test_k")), options, emitter: EventEmitter())
    _ = try await client.users.rpc.getUser(
      GetUserRequest(id: "a/b?"), options: CallOptions(headers: ["X-One": "1"]))
    let sent = try XCTUnwrap(transport.sent.first)
    XCTAssertEqual(
      sent.url?.absoluteString, "https://api.example.com/v/openwearables.v1.UserService/GetUser")
    XCTAssertEqual(sent.httpMethod, "POST")
    XCTAssertEqual(sent.httpBody, Data(#"{"id":"a/b?"}"#.utf8))
    let headers = sent.allHTTPHeaderFields ?? [:]
    XCTAssertEqual(headers["Content-Type"], "application/json")
    XCTAssertEqual(headers["Connect-Protocol-Version"], "1")
    let timeout = try XCTUnwrap(headers["Connect-Timeout-Ms"].flatMap(Int.init))
    XCTAssertTrue((6000...7000).contains(timeout))
    let names = Set(headers.keys.map { $0.lowercased() })
    XCTAssertEqual(
      names,
      [
        "content-type", "connect-protocol-version", "connect-timeout-ms", "user-agent", "x-one",
        "authorization",
      ])
    XCTAssertEqual(sent.value(forHTTPHeaderField: "authorization"), "Bearer ow_test_k")
    let agent = try XCTUnwrap(headers["User-Agent"])
    XCTAssertTrue(
      agent.hasPrefix("shop/2.1 openwearables-swift/\(OpenWearablesClient.version) ("), agent)

    var reading = OpenWearablesClient.Options()
    reading.readsInURL = true
    let reader = OpenWearablesClient(connect, .none, reading, emitter: EventEmitter())
    _ = try await reader.users.rpc.getUser(GetUserRequest(id: "a>b?c"))
    let read = try XCTUnwrap(transport.sent.last)
    XCTAssertEqual(read.httpMethod, "GET")
    XCTAssertNil(read.httpBody)
    XCTAssertEqual(
      read.url?.query, "connect=v1&base64=1&encoding=json&message=eyJpZCI6ImE-Yj9jIn0")
    XCTAssertNil(read.value(forHTTPHeaderField: "Content-Type"))
  }

  /// The value of a header cannot add another header.
  func testHeaderCannotSmuggleAnotherOne() async throws {
    let transport = FakeTransport { _ in
      HTTPResponse(status: 200, headers: json, body: Data(userJSON.utf8))
    }
    let base = baseResult(URL(string: "https://a.example")!)
    let connect = Connect(base: base, transport: transport, userAgent: "")
    let client = OpenWearablesClient(connect, .none, .init(), emitter: EventEmitter())
    for header in [("X-One", "1\r\nX-Two: 2"), ("X\nY", "1"), ("X-One", "\u{7f}")] {
      do {
        _ = try await client.users.rpc.getUser(
          GetUserRequest(id: "u"), options: CallOptions(headers: [header.0: header.1]))
        XCTFail(header.0)
      } catch { XCTAssertTrue(error.isInvalid) }
    }
    XCTAssertTrue(transport.sent.isEmpty)
  }

  /// A minting call keeps one key for all its attempts, or the caller's own.
  func testMintingCallKeepsOneKeyForAllAttempts() async throws {
    let transport = FakeTransport { n in
      n < 3
        ? HTTPResponse(status: 503, headers: json, body: Data(#"{"code":"unavailable"}"#.utf8))
        : HTTPResponse(
          status: 200, headers: json,
          body: Data(#"{"key":{"id":"k","createdAt":"2026-03-01T00:00:00Z"},"secret":"s"}"#.utf8))
    }
    let connect = Connect(
      base: baseResult(URL(string: "https://a.example")!), transport: transport, userAgent: "")
    let client = OpenWearablesClient(
      connect, .key(Secret("ow_test_k")), .init(), emitter: EventEmitter())
    let minted = try await client.keys.create()
    XCTAssertEqual(minted.secret.reveal(), "s")
    let keys = transport.sent.map { $0.value(forHTTPHeaderField: "Idempotency-Key") ?? "" }
    XCTAssertEqual(keys.count, 3)
    XCTAssertEqual(Set(keys).count, 1)
    XCTAssertGreaterThan(keys[0].count, 20)
    _ = try await client.keys.rpc.createKey(
      CreateKeyRequest(), options: CallOptions(headers: ["idempotency-key": "mine"]))
    XCTAssertEqual(transport.sent.last?.value(forHTTPHeaderField: "Idempotency-Key"), "mine")
  }

  /// The deadline and the caller's cancellation are different errors.
  func testDeadlineIsToldApartFromCancellation() async throws {
    let proxy = try TestServer.shared.proxy()
    try await proxy.setRules([["method": "*", "fault": "hang"]])
    let client = try OpenWearablesClient(baseURL: proxy.url, .none, .init())
    let began = monotonic()
    do {
      _ = try await client.users.rpc.getUser(
        GetUserRequest(id: "x"), options: CallOptions(timeout: 0.2))
      XCTFail("it was answered")
    } catch {
      XCTAssertTrue(error.isTimeout)
      XCTAssertEqual(error.code, .deadlineExceeded)
    }
    XCTAssertLessThan(monotonic() - began, 2)
    let call = Task { try await client.users.get("x") }
    try await eventually("the call sent") { try await proxy.report().requests["GetUser"] == 2 }
    call.cancel()
    let canceled = try await result(of: call)
    XCTAssertThrowsError(try canceled.get()) {
      XCTAssertEqual(($0 as? APIError)?.kind, .canceled, "\($0)")
    }
    let late = Task {
      await pause(60)
      return try await client.users.get("x")
    }
    late.cancel()
    let refused = try await result(of: late)
    XCTAssertThrowsError(try refused.get()) {
      XCTAssertEqual(($0 as? APIError)?.kind, .canceled, "\($0)")
    }
    let sent = try await proxy.report().requests["GetUser"]
    XCTAssertEqual(sent, 2, "a cancelled task sent a call")
  }

  /// The errors of a list are of this package, and that of a cancelled task is too.
  func testListThrowsErrorsOfThisPackage() async throws {
    let client = try OpenWearablesClient(
      baseURL: URL(string: "http://127.0.0.1:1")!, .none, .init(retries: 0))
    do throws(APIError) {
      for try await user in client.users.list() { XCTFail("\(user)") }
    } catch { XCTAssertTrue(error.isOffline, "\(error)") }
    let proxy = try TestServer.shared.proxy()
    try await proxy.setRules([["method": "*", "fault": "hang"]])
    let hanging = try OpenWearablesClient(baseURL: proxy.url, .none, .init())
    let call = Task { () -> APIError.Kind? in
      var users = hanging.users.list().makeAsyncIterator()
      do throws(APIError) { _ = try await users.next() } catch { return error.kind }
      return nil
    }
    try await eventually("the call sent") { try await proxy.report().requests["ListUsers"] == 1 }
    call.cancel()
    let kind = try await withTimeout(10) { await call.value }
    XCTAssertEqual(kind, .canceled)
    let early = Task { () -> APIError.Kind? in
      withUnsafeCurrentTask { $0?.cancel() }
      var users = hanging.users.list().makeAsyncIterator()
      do throws(APIError) { _ = try await users.next() } catch { return error.kind }
      return nil
    }
    let kinds = try await withTimeout(10) { await early.value }
    XCTAssertEqual(kinds, .canceled)
  }

  /// An id that a response lacks is absent.
  func testAbsentRequestIDIsAbsent() async throws {
    for headers in [[:], ["X-Request-Id": ""]] {
      let server = try HostileServer(headers, text: userJSON)
      let answer = try await OpenWearablesClient(baseURL: server.url).users.rpc.getUser(
        GetUserRequest(id: "u"))
      XCTAssertNil(answer.requestID)
      let failing = try HostileServer(status: 404, headers, text: #"{"code":"not_found"}"#)
      do {
        _ = try await OpenWearablesClient(baseURL: failing.url).users.get("u")
        XCTFail("it is there")
      } catch { XCTAssertNil(error.requestID) }
    }
  }

  /// A server that does not listen is offline.
  func testUnreachableServerIsOffline() async throws {
    let client = try OpenWearablesClient(
      baseURL: URL(string: "http://127.0.0.1:1")!, .none, .init(retries: 0))
    do {
      _ = try await client.users.get("x")
      XCTFail("it was answered")
    } catch {
      XCTAssertTrue(error.isOffline)
      XCTAssertEqual(error.reason, .offline)
    }
  }

  func testRetryAfterIsReadFromEitherHeader() {
    XCTAssertEqual(retryDelay(["retry-after": "7"], now: 0), 7)
    XCTAssertEqual(retryDelay(["retry-after": "-7"], now: 0), 0)
    let date = "Sun, 06 Nov 1994 08:49:37 GMT"
    XCTAssertEqual(retryDelay(["retry-after": date], now: 784_111_770), 7)
    XCTAssertEqual(
      retryDelay(["x-ratelimit-remaining": "0", "x-ratelimit-reset": "50"], now: 40), 10)
    XCTAssertNil(retryDelay(["x-ratelimit-remaining": "1", "x-ratelimit-reset": "50"], now: 40))
    XCTAssertNil(retryDelay(["retry-after": "soon"], now: 0))
    for vast in ["9223372036854775807", "99999999999999999999999999"] {
      XCTAssertEqual(retryDelay(["retry-after": vast], now: 0), 1e9)
    }
    let far = "Fri, 31 Dec 9999 23:59:59 GMT"
    XCTAssertEqual(retryDelay(["retry-after": far], now: 0), 1e9)
    let reset = ["x-ratelimit-remaining": "0", "x-ratelimit-reset": "9223372036854775807"]
    XCTAssertEqual(retryDelay(reset, now: 0), 1e9)
  }
}

private let json = ["content-type": "application/json"]

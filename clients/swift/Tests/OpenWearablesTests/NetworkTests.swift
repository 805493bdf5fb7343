import Foundation
import XCTest

@testable import OpenWearables

#if canImport(FoundationNetworking)
  import FoundationNetworking
#endif

/// What an app decides about the network.
final class NetworkTests: XCTestCase {
  /// A client has a bounded number of calls under way. The others wait, until their deadline.
  func testCallsUnderWayAreBounded() async throws {
    let (under, most, release) = (Locked(0), Locked(0), Promise<Void>())
    let transport = StuckTransport { () async throws(APIError) in
      let now = under.with {
        $0 += 1
        return $0
      }
      most.with { $0 = max($0, now) }
      defer { under.with { $0 -= 1 } }
      try await release.value(by: Deadline(in: 30))
    }
    let connect = Connect(
      base: .success(try BaseURL(URL(string: "http://127.0.0.1:1")!)), transport: transport,
      userAgent: "")
    let client = OpenWearablesClient(connect, .none, .init(), emitter: EventEmitter())
    let calls = (0..<200).map { _ in Task { try await client.users.get("u").id } }
    try await eventually("the calls") { under.with { $0 } == Caller.mostCalls }
    do {
      _ = try await client.users.get("u", options: CallOptions(timeout: 0.05))
      XCTFail("it was answered")
    } catch { XCTAssertTrue(error.isTimeout, "\(error)") }
    calls[150].cancel()
    release.fulfill(())
    var done = 0
    for call in calls where (try? await call.value) == "u" { done += 1 }
    XCTAssertGreaterThanOrEqual(done, 199)
    XCTAssertEqual(most.with { $0 }, Caller.mostCalls)
  }

  /// Answers every request with the host and the headers that it got.
  private final class Mirror: URLProtocol, @unchecked Sendable {
    override class func canInit(with request: URLRequest) -> Bool { true }
    override class func canonicalRequest(for request: URLRequest) -> URLRequest { request }
    override func startLoading() {
      let name = "\(request.url?.host ?? "") \(request.value(forHTTPHeaderField: "Traced") ?? "")"
      let body = #"{"user":{"id":"u","createdAt":"2026-03-01T00:00:00Z","firstName":"\#(name)"}}"#
      guard let url = request.url,
        let response = HTTPURLResponse(
          url: url, statusCode: 200, httpVersion: "HTTP/1.1",
          headerFields: ["Content-Type": "application/json"])
      else { return }
      client?.urlProtocol(self, didReceive: response, cacheStoragePolicy: .notAllowed)
      client?.urlProtocol(self, didLoad: Data(body.utf8))
      client?.urlProtocolDidFinishLoading(self)
    }
    override func stopLoading() {}
  }

  func testAnAppsConfigurationIsUsedEverywhere() async throws {
    let network = Network { $0.protocolClasses = [Mirror.self] }
    let url = URL(string: "https://api.example")!
    let options = OpenWearablesClient.Options(network: network)
    let client = try OpenWearablesClient(baseURL: url, apiKey: "ow_test_k", options: options)
    let call = CallOptions(headers: ["Traced": "yes"])
    let user = try await client.users.get("u", options: call)
    XCTAssertEqual(user.firstName, "api.example yes")

    let session = UserSession(baseURL: url, network: network) { _ in
      SessionTokens(accessToken: Secret("a.b.c"), expiresIn: 60)
    }
    let again = try await OpenWearablesClient(session).users.get("u")
    XCTAssertEqual(again.firstName, "api.example ")
  }

  /// An option of one call names it for the server.
  func testACallsOwnIdempotencyKeyRepeatsIt() async throws {
    let users = TestServer.shared.developer.users
    let key = "call-\(UInt64.random(in: 0 ... .max))"
    let request = CreateUserRequest(externalUserID: key)
    let first = try await users.create(request, options: CallOptions(idempotencyKey: key))
    let second = try await users.rpc.createUser(
      request, options: CallOptions(idempotencyKey: key))
    XCTAssertEqual(first.id, second.user.id)
    XCTAssertTrue(second.isReplayed)
    for bad in ["", "a b", "a\nb", "ä", String(repeating: "a", count: 256)] {
      do {
        _ = try await users.create(options: CallOptions(idempotencyKey: bad))
        XCTFail("it was sent")
      } catch {
        XCTAssertEqual(error.fields.map(\.field), ["idempotencyKey"], "\(error)")
      }
    }
  }
}

/// Answers when a test says so.
private struct StuckTransport: HTTPTransport {
  let wait: @Sendable () async throws(APIError) -> Void

  func send(_: URLRequest, limit _: Int, by _: Deadline) async throws(APIError) -> HTTPResponse {
    try await wait()
    return HTTPResponse(
      status: 200, headers: ["content-type": "application/json"], body: Data(userJSON.utf8))
  }
}

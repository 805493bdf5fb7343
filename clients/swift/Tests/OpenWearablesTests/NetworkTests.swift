import Foundation
import OpenWearables
import XCTest

#if canImport(FoundationNetworking)
  import FoundationNetworking
#endif

/// What an app decides about the network.
final class NetworkTests: XCTestCase {
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

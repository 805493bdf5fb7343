import Foundation
import XCTest

@testable import OpenWearables

final class OperationTests: XCTestCase {
  /// A call carries its credential and an Idempotency-Key, and is repeated, as its
  /// method's descriptor says.
  func testCallsFollowTheirDescriptors() async throws {
    try await check(UserServiceClient.Method.getUser, authorized: true, keyed: false, tries: 2)
    try await check(UserServiceClient.Method.createUser, authorized: true, keyed: true, tries: 2)
    try await check(UserServiceClient.Method.deleteUser, authorized: true, keyed: false, tries: 2)
    try await check(
      SessionServiceClient.Method.changePassword, authorized: true, keyed: true, tries: 2)
    try await check(KeyServiceClient.Method.createKey, authorized: true, keyed: true, tries: 2)
    try await check(
      TokenServiceClient.Method.createUserToken, authorized: true, keyed: true, tries: 2)
    try await check(SessionServiceClient.Method.login, authorized: false, keyed: true, tries: 2)
    try await check(
      SessionServiceClient.Method.refreshToken, authorized: false, keyed: false, tries: 1)
    try await check(
      SessionServiceClient.Method.revokeToken, authorized: false, keyed: false, tries: 2)
  }

  private func check(
    _ method: MethodDescriptor, authorized: Bool, keyed: Bool, tries: Int
  ) async throws {
    let transport = FakeTransport { _ in
      HTTPResponse(
        status: 503, headers: ["content-type": "application/json"],
        body: Data(#"{"code":"unavailable"}"#.utf8))
    }
    let connect = Connect(
      base: baseResult(URL(string: "https://a.example")!), transport: transport, userAgent: "")
    let caller = Caller(
      connect: connect, credential: .key(Secret("ow_test_k")), timeout: 30, retries: 1,
      maxResponseBytes: 1 << 20, emitter: EventEmitter())
    do {
      let _: Response<GetUserResponse> = try await caller.unary(
        method, GetUserRequest(), options: CallOptions())
      XCTFail("\(method.procedure) succeeded")
    } catch { XCTAssertTrue((error as? APIError)?.isUnavailable ?? false) }
    let keys = transport.sent.map { $0.value(forHTTPHeaderField: "Idempotency-Key") }
    XCTAssertEqual(keys.count, tries, method.procedure)
    XCTAssertEqual(Set(keys).count, 1, method.procedure)
    XCTAssertEqual(keys.first != .some(nil), keyed, method.procedure)
    for request in transport.sent {
      XCTAssertEqual(
        request.value(forHTTPHeaderField: "Authorization") != nil, authorized, method.procedure)
    }
  }
}

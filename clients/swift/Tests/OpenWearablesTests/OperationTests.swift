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
    try await check(
      CredentialServiceClient.Method.reportCredential, authorized: false, keyed: false, tries: 2)
    try await check(UsageServiceClient.Method.getUsage, authorized: true, keyed: false, tries: 2)
    try await check(AlertServiceClient.Method.muteAlert, authorized: true, keyed: false, tries: 2)
    try await check(
      WebhookServiceClient.Method.createWebhookEndpoint, authorized: true, keyed: true, tries: 2)
    try await check(
      WebhookServiceClient.Method.rotateWebhookSecret, authorized: true, keyed: true, tries: 2)
    try await check(
      InvitationServiceClient.Method.resendInvitation, authorized: true, keyed: true, tries: 2)
    try await check(
      InvitationServiceClient.Method.acceptInvitation, authorized: false, keyed: true, tries: 2)
    try await check(
      TokenServiceClient.Method.createPairingCode, authorized: true, keyed: true, tries: 2)
    try await check(
      TokenServiceClient.Method.redeemPairingCode, authorized: false, keyed: true, tries: 2)
    try await check(
      SetupServiceClient.Method.createFirstDeveloper, authorized: false, keyed: true, tries: 2)
  }

  /// Every call of the services sends its options.
  func testEveryServiceCallTakesOptions() async throws {
    let transport = FakeTransport { _ in
      HTTPResponse(
        status: 404, headers: ["content-type": "application/json"],
        body: Data(#"{"code":"not_found"}"#.utf8))
    }
    let connect = Connect(
      base: baseResult(URL(string: "https://a.example")!), transport: transport, userAgent: "")
    let ow = OpenWearablesClient(
      connect, .key(Secret("ow_test_k")), .init(), emitter: EventEmitter())
    let o = CallOptions(headers: ["x-trace": "1"])
    func first<Item>(_ list: PagedSequence<Item>) async throws {
      var items = list.makeAsyncIterator()
      _ = try await items.next()
    }
    let calls: [() async throws -> Void] = [
      { _ = try await ow.users.create(options: o) },
      { _ = try await ow.users.get("u", options: o) },
      { _ = try await ow.users.update(UpdateUserRequest(id: "u"), options: o) },
      { try await ow.users.delete("u", options: o) },
      { try await first(ow.users.list(options: o)) },
      { try await first(ow.workouts.list(userID: "u", from: Date(), to: Date(), options: o)) },
      { try await first(ow.workouts.list(ListWorkoutsRequest(defaults: ()), options: o)) },
      { _ = try await ow.workouts.upsert(userID: "u", [], options: o) },
      { try await ow.workouts.delete(userID: "u", workoutID: "w", options: o) },
      { try await ow.workouts.deleteMany(userID: "u", [], options: o) },
      { _ = try await ow.tokens.create(userID: "u", options: o) },
      { try await ow.tokens.revokeAll(userID: "u", options: o) },
      { _ = try await ow.sessions.me(options: o) },
      { _ = try await ow.sessions.updateMe(UpdateMeRequest(), options: o) },
      { try await ow.sessions.changePassword(Secret("a"), to: Secret("b"), options: o) },
      { _ = try await ow.sessions.list(options: o) },
      { try await ow.sessions.revoke("s", options: o) },
      { try await ow.sessions.revokeOthers(options: o) },
      { _ = try await ow.keys.create(options: o) },
      { _ = try await ow.keys.rotate("k", options: o) },
      { try await ow.keys.finishRotation("k", options: o) },
      { _ = try await ow.keys.get("k", options: o) },
      { _ = try await ow.keys.update(UpdateKeyRequest(id: "k"), options: o) },
      { try await ow.keys.delete("k", options: o) }, { try await first(ow.keys.list(options: o)) },
      { _ = try await ow.applications.create(name: "n", options: o) },
      { _ = try await ow.applications.rotateSecret("a", options: o) },
      { try await ow.applications.finishRotation("a", options: o) },
      { _ = try await ow.applications.get("a", options: o) },
      { _ = try await ow.applications.rename("a", to: "n", options: o) },
      { try await ow.applications.delete("a", options: o) },
      { try await first(ow.applications.list(options: o)) },
      { try await first(ow.audit.events(options: o)) },
      { try await first(ow.audit.accesses(userID: "u", options: o)) },
      { try await ow.audit.reportCredential(Secret("s"), options: o) },
      { _ = try await ow.usage.account(options: o) },
      { _ = try await ow.usage.key("k", options: o) },
      { _ = try await ow.usage.application("a", options: o) },
      { _ = try await ow.usage.user("u", options: o) },
      { try await first(ow.alerts.list(options: o)) },
      { try await ow.alerts.acknowledge("a", options: o) },
      { try await ow.alerts.mute("a", until: Date(), options: o) },
      { try await ow.alerts.unmute("a", options: o) },
      { _ = try await ow.alerts.rules(options: o) },
      { try await ow.alerts.updateRule(UpdateAlertRuleRequest(rule: "r"), options: o) },
      { _ = try await ow.webhooks.create(CreateWebhookEndpointRequest(url: "u"), options: o) },
      { _ = try await ow.webhooks.get("w", options: o) },
      { _ = try await ow.webhooks.list(options: o) },
      { _ = try await ow.webhooks.update(UpdateWebhookEndpointRequest(id: "w"), options: o) },
      { _ = try await ow.webhooks.rotate("w", options: o) },
      { try await ow.webhooks.delete("w", options: o) },
      { _ = try await ow.webhooks.test("w", options: o) },
      { try await first(ow.webhooks.deliveries("w", options: o)) },
    ]
    let all = calls + team(ow, o)
    for (i, call) in all.enumerated() {
      do {
        try await call()
        XCTFail("call \(i) succeeded")
      } catch { XCTAssertTrue((error as? APIError)?.isNotFound ?? false, "call \(i): \(error)") }
      XCTAssertEqual(
        transport.sent.last?.value(forHTTPHeaderField: "x-trace"), "1", "call \(i)")
    }
    XCTAssertEqual(transport.sent.count, all.count)
  }

  private func team(_ ow: OpenWearablesClient, _ o: CallOptions) -> [() async throws -> Void] {
    [
      { _ = try await ow.tokens.createPairingCode(userID: "u", options: o) },
      { _ = try await ow.tokens.sessions(userID: "u", options: o).page() },
      { try await ow.tokens.revokeSession(userID: "u", sessionID: "s", options: o) },
      { _ = try await ow.installation.get(options: o) },
      { _ = try await ow.installation.stats(options: o) },
      { _ = try await ow.developers.list(options: o) },
      { _ = try await ow.developers.get("d", options: o) },
      { try await ow.developers.update(UpdateDeveloperRequest(id: "d"), options: o) },
      { try await ow.developers.delete("d", options: o) },
      { _ = try await ow.invitations.create(email: "e", options: o) },
      { _ = try await ow.invitations.list(options: o) },
      { try await ow.invitations.revoke("i", options: o) },
      { _ = try await ow.invitations.resend("i", options: o) },
      { try await ow.invitations.accept(AcceptInvitationRequest(defaults: ()), options: o) },
      { _ = try await ow.credentials.verify(.init(credential: "s"), options: o) },
      { _ = try await ow.credentials.verifyMany([], options: o) },
      { _ = try await ow.credentials.explain(.init(credential: "s"), options: o) },
    ]
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
      connect, .key(Secret("ow_test_k")), .init(retries: 1), EventEmitter())
    do {
      let _: Response<GetUserResponse> = try await caller.unary(
        method, GetUserRequest(id: ""), options: CallOptions())
      XCTFail("\(method.procedure) succeeded")
    } catch { XCTAssertTrue(error.isUnavailable) }
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

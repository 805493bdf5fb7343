import Foundation
import OpenWearables
import XCTest

/// The first developer, and those who come after, at a real server.
final class TeamTests: XCTestCase {
  private static let password = Secret("Q-\(UUID().uuidString)")

  func testTheFirstDeveloperIsSetUpOnce() async throws {
    let (url, token) = try TestServer.shared.empty()
    let email = "ada@example.com"
    let store = MemoryStore()
    await refused(.invalidSetupToken) {
      _ = try await UserSession.setup(
        baseURL: url, token: Secret("wrong"), email: email, password: Self.password)
    }
    await refused(.invalidRequest) {
      _ = try await UserSession.setup(
        baseURL: url, token: token, email: email, password: Secret("short"))
    }
    await refused(.invalidOption) {
      _ = try await UserSession.setup(
        baseURL: url, token: token, email: " ", password: Self.password)
    }
    let session = try await UserSession.setup(
      baseURL: url, token: token, email: " Ada@Example.com", password: Self.password, store: store)
    let me = try await OpenWearablesClient(session).sessions.me()
    XCTAssertEqual(me.email, "Ada@Example.com")
    await refused(.invalidSetupToken) {
      _ = try await UserSession.setup(
        baseURL: url, token: token, email: email, password: Self.password)
    }
    let later = UserSession.developer(baseURL: url, email: email, store: store) {
      () async throws -> String in throw TestFailure("it logs in")
    }
    let same = try await OpenWearablesClient(later).sessions.me()
    XCTAssertEqual(same.id, me.id)
    await refused(.lastDeveloper) {
      try await OpenWearablesClient(session).developers.delete(me.id)
    }
  }

  func testAPhoneIsPairedOnce() async throws {
    let server = TestServer.shared
    let user = try await server.developer.users.create()
    let made = try await server.developer.tokens.createPairingCode(userID: user.id)
    XCTAssertFalse("\(made)".contains(made.code.reveal()))
    XCTAssertGreaterThan(made.expiresAt, Date())
    let store = MemoryStore()
    let code = made.code.reveal()
    let typed = " \(code.lowercased().prefix(4))-\(code.suffix(4))"
    let paired = try await UserSession.pair(baseURL: server.url, code: typed, store: store)
    XCTAssertEqual(paired.userID, user.id)
    let later = UserSession(baseURL: server.url, store: store)
    for session in [paired.session, later] {
      let me = try await OpenWearablesClient(session).users.get(user.id)
      XCTAssertEqual(me.id, user.id)
    }
    await refused(.notFound) {
      _ = try await UserSession.pair(baseURL: server.url, code: typed)
    }
  }

  func testDevelopersInviteRenameAndDeleteEachOther() async throws {
    let server = TestServer.shared
    let (developers, invitations) = (server.developer.developers, server.developer.invitations)
    let ended = try await invitations.create(email: "bob@example.com")
    await refused(.invitationPending) {
      _ = try await invitations.create(email: "bob@example.com")
    }
    let revoked = try await invitations.revoke(ended.id)
    XCTAssertEqual(revoked.status, .revoked)
    await refused(.invitationRevoked) { _ = try await invitations.resend(ended.id) }

    let made = try await invitations.create(email: "eve@example.com")
    let sent = try await invitations.resend(made.id)
    XCTAssertNotEqual(sent.token, made.token)
    XCTAssertFalse("\(sent)".contains(sent.token))
    let listed = try await invitations.list()
    XCTAssertEqual(listed.first { $0.id == made.id }, sent)

    let anyone = try OpenWearablesClient(baseURL: server.url)
    var request = AcceptInvitationRequest(
      token: made.token, firstName: "Eve", lastName: "L", password: Self.password.reveal())
    await refused(.notFound) { [request] in try await anyone.invitations.accept(request) }
    request.token = sent.token
    let eve = try await anyone.invitations.accept(request)
    XCTAssertEqual(eve.email, "eve@example.com")
    await refused(.invitationAccepted) { [request] in try await anyone.invitations.accept(request) }
    await refused(.developerExists) {
      _ = try await invitations.create(email: "eve@example.com")
    }

    let renamed = try await developers.update(
      UpdateDeveloperRequest(
        id: eve.id, firstName: "Bea", updateMask: ["first_name", "last_name"]))
    XCTAssertEqual([renamed.firstName, renamed.lastName], ["Bea", nil])
    let got = try await developers.get(eve.id)
    XCTAssertEqual(got, renamed)
    let before = try await developers.list()
    XCTAssertTrue(before.contains(renamed), "\(before)")
    try await developers.delete(eve.id)
    await refused(.notFound) { _ = try await developers.get(eve.id) }
  }

  private func refused(
    _ reason: APIError.Reason, line: UInt = #line, _ call: @Sendable () async throws -> Void
  ) async {
    do {
      try await call()
      XCTFail("it is not refused", line: line)
    } catch { XCTAssertEqual((error as? APIError)?.reason, reason, "\(error)", line: line) }
  }
}

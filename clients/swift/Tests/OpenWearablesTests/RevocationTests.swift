import Foundation
import XCTest

@testable import OpenWearables

/// Sessions that end here before they end at the server.
final class RevocationTests: XCTestCase {
  private let server = TestServer.shared

  private func signOut(_ person: Person, over proxy: FaultProxy) async throws {
    let store = try await seeded(proxy.base, person.tokens, "fresh")
    do {
      try await UserSession(
        baseURL: proxy.url, store: store, core: Core(), provider: { _ in nil }
      ).signOut()
      XCTFail("it was signed out at the server")
    } catch { XCTAssertEqual(error.kind, .unavailable, "\(error)") }
  }

  private func revocations(_ proxy: FaultProxy) async throws -> Int {
    try await proxy.report().requests["RevokeToken"] ?? 0
  }

  /// The app learns that it is signed out before the server does.
  func testSignedOutIsSaidBeforeTheServerAnswers() async throws {
    let proxy = try server.proxy()
    let person = try await server.newPerson()
    let store = try await seeded(proxy.base, person.tokens, "fresh")
    let session = UserSession(
      baseURL: proxy.url, store: store, core: Core(), provider: { _ in nil })
    let recorder = EventRecorder()
    recorder.listen(session.events)
    try await proxy.setRules([["method": "RevokeToken", "fault": "hold_answer", "times": 1]])
    let out = Task { try await session.signOut() }
    try await eventually("the revocation held") { try await proxy.report().held == 1 }
    let left = await store.load()
    XCTAssertNil(left)
    let end = Deadline(in: 3)
    while recorder.count("signed_out") == 0, end.left > 0 { await pause(0.01) }
    XCTAssertEqual(recorder.count("signed_out"), 1)
    let held = try await proxy.report().held
    XCTAssertEqual(held, 1)
    try await proxy.release()
    try await result(of: out).get()
    XCTAssertEqual(recorder.count("signed_out"), 1)
  }

  /// A revocation that the server has put off is not sent behind the next call.
  func testRevocationWaitsAsLongAsTheServerAsks() async throws {
    let proxy = try server.proxy()
    let (ada, bob) = (try await server.newPerson(), try await server.newPerson())
    try await proxy.setRules([
      [
        "method": "RevokeToken", "fault": "answer", "status": 503, "code": "unavailable",
        "reason": "unavailable", "headers": ["Retry-After": "4"],
      ]
    ])
    try await signOut(ada, over: proxy)
    let tried = try await revocations(proxy)
    XCTAssertEqual(tried, 1)
    try await proxy.setRules([])
    let next = OpenWearablesClient(UserSession(baseURL: proxy.url) { _ in bob.tokens })
    _ = try await next.users.get(bob.id)
    await pause(0.5)
    let early = try await revocations(proxy)
    XCTAssertEqual(early, 1)
    try await eventually("the revocation") {
      _ = try await next.users.get(bob.id)
      return try await revocations(proxy) == 2
    }
  }

  /// The first failure ends a round, and the rest waits with it.
  func testFirstFailureEndsARound() async throws {
    let proxy = try server.proxy()
    let bob = try await server.newPerson()
    try await proxy.setRules([
      [
        "method": "RevokeToken", "fault": "answer", "status": 503, "code": "unavailable",
        "reason": "unavailable",
      ]
    ])
    for _ in 0..<3 { try await signOut(try await server.newPerson(), over: proxy) }
    let before = try await revocations(proxy)
    XCTAssertEqual(before, 6)
    let next = OpenWearablesClient(UserSession(baseURL: proxy.url) { _ in bob.tokens })
    _ = try await next.users.get(bob.id)
    try await eventually("a round") { try await revocations(proxy) == 8 }
    await pause(1)
    let after = try await revocations(proxy)
    XCTAssertEqual(after, 8)
    try await proxy.setRules([])
    try await eventually("the others") {
      _ = try await next.users.get(bob.id)
      return try await revocations(proxy) == 11
    }
  }

  /// The wait doubles from three seconds to a minute, and is at least what the server asks.
  func testWaitBetweenRoundsDoubles() {
    let silent = APIError(.unavailable, .unavailable, nil, "x")
    let waits = (0...7).map { Wait.revocation($0, silent) }
    XCTAssertEqual(waits, [0, 3, 6, 12, 24, 48, 60, 60])
    XCTAssertEqual(Wait.revocation(64, silent), 60)
    XCTAssertEqual(Wait.revocation(0, silent.waiting(7)), 7)
    XCTAssertEqual(Wait.revocation(1, silent.waiting(2)), 3)
    XCTAssertEqual(Wait.revocation(3, silent.waiting(100)), 100)
  }
}

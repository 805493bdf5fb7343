import Foundation
import XCTest

@testable import OpenWearables

/// Sessions that end here before they end at the server.
final class RevocationTests: XCTestCase {
  private let server = TestServer.shared

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
}

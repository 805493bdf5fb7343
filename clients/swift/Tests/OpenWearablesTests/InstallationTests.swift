import Foundation
import OpenWearablesTesting
import XCTest

@testable import OpenWearables

/// The installation, and the sessions and workouts of its users, at a real server.
final class InstallationTests: XCTestCase {
  private let ow = TestServer.shared.developer

  func testADeveloperSeesTheInstallation() async throws {
    let person = try await TestServer.shared.newPerson()
    let installation = try await ow.installation.get()
    XCTAssertFalse(installation.version.isEmpty)
    XCTAssertEqual(installation.database, .sqlite)
    XCTAssertEqual(installation.nodes, 1)
    XCTAssertTrue(installation.limits.contains { $0.limit == 1_000_000 })
    let stats = try await ow.installation.stats()
    XCTAssertGreaterThan(stats.totalUsers.count, 0)
    XCTAssertGreaterThan(stats.developers.count, 0)
    let client = try TestServer.shared.client(accessToken: person.tokens.accessToken.reveal())
    do {
      _ = try await client.installation.get()
      XCTFail("a user saw it")
    } catch { XCTAssertTrue(error.isForbidden, "\(error)") }
  }

  func testSessionsOfAUserAreListedAndEnded() async throws {
    let person = try await TestServer.shared.newPerson()
    _ = try await ow.tokens.create(userID: person.id)
    let sessions = try await ow.tokens.sessions(userID: person.id).collect()
    XCTAssertEqual(sessions.map(\.mintedBy), [.developer, .developer])
    try await ow.tokens.revokeSession(userID: person.id, sessionID: sessions[1].id)
    let left = try await ow.tokens.sessions(userID: person.id).collect()
    XCTAssertEqual(left.map(\.id), [sessions[0].id])
    do {
      try await ow.tokens.revokeSession(userID: person.id, sessionID: sessions[1].id)
      XCTFail("it was ended twice")
    } catch { XCTAssertTrue(error.isNotFound, "\(error)") }
    let client = try TestServer.shared.client(accessToken: person.tokens.accessToken.reveal())
    do {
      _ = try await client.users.get(person.id)
      XCTFail("its token works")
    } catch { XCTAssertTrue(error.isUnauthenticated, "\(error)") }
  }

  func testWorkoutsAreDeletedByTheirNames() async throws {
    let person = try await TestServer.shared.newPerson()
    let real = UserClient(UserSession(baseURL: TestServer.shared.url) { _ in person.tokens })
    let fake = FakeServer()
    for me in [real, fake.userClient(of: fake.addUser().id)] {
      let start = Date(timeIntervalSince1970: 1_783_000_000)
      _ = try await me.workouts.upsert(
        (0..<3).map {
          WorkoutInput(
            externalID: "w\($0)", type: "running", startTime: start, endTime: start,
            source: WorkoutSource(provider: "shop"))
        })
      func name(_ id: String) -> WorkoutReference {
        WorkoutReference(provider: "shop", externalID: id)
      }
      let done = try await me.workouts.deleteMany([name("w0"), name("w2"), name("w9")])
      XCTAssertEqual(done.deleted, 2)
      XCTAssertEqual(done.notFound, 1)
      let left = try await me.workouts.list(from: start, to: start.addingTimeInterval(1)).collect()
      XCTAssertEqual(left.map(\.externalID), ["w1"])
      do {
        try await me.workouts.deleteMany([])
        XCTFail("none were deleted")
      } catch { XCTAssertTrue(error.isInvalid, "\(error)") }
    }
  }
}

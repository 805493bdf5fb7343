import Foundation
import XCTest

@testable import OpenWearables

/// What the server reports.
final class ReportTests: XCTestCase {
  private let server = TestServer.shared

  private func workouts(_ bad: Int?) -> [WorkoutInput] {
    (0..<3).map { i in
      let start = Protobuf.Timestamp(seconds: 1_772_323_200 + Int64(i) * 60)
      let end = Protobuf.Timestamp(seconds: start.seconds + (i == bad ? -1 : 1))
      return WorkoutInput(
        externalID: "w\(i)", type: "running", startTime: start, endTime: end,
        source: WorkoutSource(provider: "test"), avgHeartRateBpm: 120.5)
    }
  }

  /// A wrong workout is left out and named; with `allOrNone` nothing is stored.
  func testWrongWorkoutIsRejected() async throws {
    let person = try await server.newPerson()
    let client = Client(UserSession(baseURL: server.url) { _ in person.tokens })
    do {
      _ = try await client.workouts.upsert(userID: person.id, workouts(1), allOrNone: true)
      XCTFail("it was stored")
    } catch let error as APIError {
      XCTAssertTrue(error.isInvalid, "\(error)")
      XCTAssertEqual(error.fields.map(\.field), ["workouts[1].end_time"])
    }
    let list = ListWorkoutsRequest(
      userID: person.id, startDate: "2026-01-01", endDate: "2027-01-01")
    let none = try await client.workouts.list(list).reduce(into: []) { $0.append($1) }
    XCTAssertEqual(none, [])

    let answer = try await client.workouts.upsert(userID: person.id, workouts(1))
    XCTAssertEqual(answer.items.map(\.externalID), ["w0", "w2"])
    XCTAssertEqual(answer.rejected.map(\.index), [1])
    XCTAssertEqual(answer.rejected.map(\.field), ["workouts[1].end_time"])
    XCTAssertEqual(answer.created, 2)
    let all = try await client.workouts.list(list).reduce(into: []) { $0.append($1) }
    XCTAssertEqual(all.map(\.externalID), ["w2", "w0"])
    XCTAssertEqual(all.map(\.avgHeartRateBpm), [120.5, 120.5])

    let whole = try await client.workouts.upsert(
      userID: person.id, workouts(nil), allOrNone: true)
    XCTAssertEqual(whole.items.map(\.status), ["updated", "created", "updated"])
    XCTAssertEqual(whole.rejected, [])
  }
}

import Foundation
import XCTest

@testable import OpenWearables

/// Dates, which the server keeps in microseconds.
final class RangeTests: XCTestCase {
  /// A list from a workout's own start contains it, and one up to it does not.
  func testListFromAWorkoutsOwnStartContainsIt() async throws {
    let person = try await TestServer.shared.newPerson()
    let client = OpenWearablesClient(
      UserSession(baseURL: TestServer.shared.url) { _ in person.tokens })
    let began = Date(timeIntervalSince1970: 1_772_323_200)
    let inputs = (0..<40).map { i in
      let start = began.addingTimeInterval(Double(i) * 60 + .random(in: 0..<1))
      return WorkoutInput(
        externalID: "w\(i)", type: "running", startTime: start,
        endTime: start.addingTimeInterval(1),
        source: WorkoutSource(provider: "test"))
    }
    _ = try await client.workouts.upsert(userID: person.id, inputs)
    let all = try await client.workouts.list(
      userID: person.id, from: began, to: began.addingTimeInterval(3600)
    ).reduce(into: []) { $0.append($1) }
    XCTAssertEqual(all.count, inputs.count)
    for workout in all {
      let start = workout.startTime
      XCTAssertEqual(Protobuf.Timestamp(start).date, start, "the server's time")
      let sent = inputs.first { $0.externalID == workout.externalID }?.startTime
      XCTAssertEqual(
        sent.map { Protobuf.Timestamp($0) }, Protobuf.Timestamp(start), "the app's time")
      let after = try await client.workouts.list(
        userID: person.id, from: start, to: start.addingTimeInterval(5)
      ).reduce(into: []) { $0.append($1.externalID) }
      XCTAssertEqual(after, [workout.externalID])
      let before = try await client.workouts.list(
        userID: person.id, from: start.addingTimeInterval(-5), to: start
      ).reduce(into: []) { $0.append($1.externalID) }
      XCTAssertEqual(before, [])
    }
  }

  /// Every microsecond survives a `Date`, whichever way it is rounded; less than one is
  /// rounded down for the beginning of a range and up for its end.
  func testMicrosecondsSurviveADate() {
    var random = SystemRandomNumberGenerator()
    for _ in 0..<20_000 {
      let exact = Protobuf.Timestamp(
        seconds: .random(in: 0..<4_000_000_000, using: &random),
        nanos: .random(in: 0..<1_000_000, using: &random) * 1000)
      for rule in [.down, .up, .toNearestOrEven] as [FloatingPointRoundingRule] {
        guard exact.seconds < 2_000_000_000 else { continue }
        XCTAssertEqual(Protobuf.Timestamp(exact.date, rule), exact, "\(exact) \(rule)")
      }
    }
    let between = Protobuf.Timestamp(seconds: 1_772_323_200, nanos: 123_456_500).date
    XCTAssertEqual(Protobuf.Timestamp(between, .down).nanos, 123_456_000)
    XCTAssertEqual(Protobuf.Timestamp(between, .up).nanos, 123_457_000)
    let last = Protobuf.Timestamp(seconds: 1_772_323_200, nanos: 999_999_600).date
    XCTAssertEqual(Protobuf.Timestamp(last, .up), Protobuf.Timestamp(seconds: 1_772_323_201))
    XCTAssertEqual(Protobuf.Timestamp(Date(timeIntervalSince1970: -0.5)).seconds, -1)
    for far in [Date.distantFuture, .distantPast, Date(timeIntervalSince1970: 1e300)] {
      let text = Protobuf.Timestamp(far, .up).text
      XCTAssertTrue(text.hasSuffix("Z"), text)
    }
    XCTAssertEqual(
      Protobuf.Timestamp(Date(timeIntervalSince1970: 1e300)).text, "9999-12-31T23:59:59Z")
  }
}

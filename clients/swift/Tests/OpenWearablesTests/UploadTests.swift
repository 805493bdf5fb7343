import Foundation
import OpenWearablesTesting
import XCTest

@testable import OpenWearables

/// Workouts in any number.
final class UploadTests: XCTestCase {
  private let start = Date(timeIntervalSince1970: 1_772_323_200)

  private func input(_ i: Int, name: String? = nil) -> WorkoutInput {
    let start = start.addingTimeInterval(Double(i) * 60)
    return WorkoutInput(
      externalID: "w\(i)", type: "running", name: name, startTime: start,
      endTime: start.addingTimeInterval(i % 100 == 7 ? -1 : 30),
      source: WorkoutSource(provider: "test"))
  }

  func testAllAreStoredInBatchesAtARealServer() async throws {
    let person = try await TestServer.shared.newPerson()
    let me = UserClient(UserSession(baseURL: TestServer.shared.url) { _ in person.tokens })
    let seen = Seen()
    let report = await me.workouts.upsertAll(
      (0..<250).lazy.map { self.input($0) }, options: UploadOptions(batchSize: 100)
    ) { seen.add($0) }
    try report.check()
    XCTAssertEqual(report.items.map(\.index), Array(0..<250))
    XCTAssertEqual(report.items.map(\.externalID), (0..<250).map { "w\($0)" })
    XCTAssertEqual(report.rejected.map(\.index), [7, 107, 207])
    XCTAssertEqual(report.created, 247)
    XCTAssertEqual(report.done, 250)
    guard case .rejected(let field, _) = report.rejected[0].outcome else { return XCTFail("no") }
    XCTAssertEqual(field, "end_time")
    XCTAssertEqual(seen.all.map(\.done), [100, 200, 250])
    XCTAssertEqual(seen.all.map(\.rejected), [1, 2, 3])

    // A batch of wrong ones only is refused by the server as a whole.
    let wrong = await me.workouts.upsertAll(
      [input(7), input(107), input(0)], options: UploadOptions(batchSize: 2))
    try wrong.check()
    XCTAssertEqual(wrong.rejected.map(\.index), [0, 1])
    XCTAssertEqual(wrong.updated, 1)
  }

  func testBytesBoundABatchAndWhatCannotBeSentIsReported() async throws {
    let server = FakeServer()
    let ada = server.addUser()
    let long = String(repeating: "n", count: 200)
    var inputs = (0..<6).map { input($0, name: long) }
    inputs[2].endTime = Date(timeIntervalSince1970: .infinity)
    let report = await server.userClient(of: ada.id).workouts.upsertAll(
      inputs, options: UploadOptions(batchBytes: 1000))
    try report.check()
    XCTAssertGreaterThan(server.calls.count, 2)
    XCTAssertEqual(report.items.map(\.index), Array(0..<6))
    XCTAssertEqual(report.rejected.map(\.externalID), ["w2"])
    XCTAssertEqual(
      report.rejected.first?.outcome, .rejected(field: "end_time", message: "is out of range"))
    XCTAssertEqual(report.created, 5)
  }

  func testABatchIsSentAgainAndAnUploadGoesOn() async throws {
    let server = FakeServer()
    let ada = server.addUser()
    let workouts = try server.client().workouts
    let inputs = (0..<30).map { input($0 + 10) }
    server.fail(.rateLimited(retryAfter: 1), on: "UpsertWorkouts")
    let options = UploadOptions(batchSize: 10, retries: 0)
    let first = await workouts.upsertAll(userID: ada.id, inputs.prefix(10), options: options)
    try first.check()

    server.fail(.refused(.permissionDenied, "quota_exceeded"), on: "UpsertWorkouts")
    var resumed = options
    resumed.resumeAt = first.done
    let stopped = await workouts.upsertAll(userID: ada.id, inputs, options: resumed)
    XCTAssertEqual(stopped.error?.reason, "quota_exceeded")
    XCTAssertEqual(stopped.done, 10)
    XCTAssertEqual(stopped.items, [])
    resumed.resumeAt = stopped.done
    let last = await workouts.upsertAll(userID: ada.id, inputs, options: resumed)
    try last.check()
    XCTAssertEqual(last.items.map(\.index), Array(10..<30))
    XCTAssertEqual(server.workouts(of: ada.id).count, 30)

    server.fail(.slow(30), on: "UpsertWorkouts")
    let canceled = Task { await workouts.upsertAll(userID: ada.id, inputs) }
    canceled.cancel()
    let end = await canceled.value
    XCTAssertTrue(end.error?.isCanceled ?? false)
  }

  /// With `allOrNone` the first batch with a wrong workout ends the upload, and names it by its
  /// place in the sequence.
  func testABatchIsStoredAsAWholeOrNotAtAll() async throws {
    let person = try await TestServer.shared.newPerson()
    let me = UserClient(UserSession(baseURL: TestServer.shared.url) { _ in person.tokens })
    var inputs = (10..<20).map { input($0) }
    inputs[7].endTime = inputs[7].startTime.addingTimeInterval(-1)
    let options = UploadOptions(batchSize: 5, allOrNone: true)
    let report = await me.workouts.upsertAll(inputs, options: options)
    XCTAssertEqual(report.error?.kind, .invalid)
    XCTAssertEqual(report.error?.fields.map(\.field), ["workouts[7].end_time"])
    XCTAssertEqual(report.done, 5)
    XCTAssertEqual(report.created, 5)

    inputs[7] = input(17)
    inputs[8].startTime = Date(timeIntervalSince1970: .nan)
    let unsent = await me.workouts.upsertAll(inputs, options: options)
    XCTAssertEqual(unsent.error?.fields.map(\.field), ["workouts[8].start_time"])
    XCTAssertEqual(unsent.done, 5)
  }

  /// A batch that fails is sent again with the same key, after the time that the server asks
  /// for, and not for ever.
  func testABatchThatFailsIsSentAgainAfterTheWait() async throws {
    let person = try await TestServer.shared.newPerson()
    let proxy = try TestServer.shared.proxy()
    let me = UserClient(
      UserSession(baseURL: proxy.url) { _ in person.tokens }, options: .init(retries: 0))
    func upload(_ rule: [String: JSON], _ options: UploadOptions) async throws
      -> (UploadReport, [FaultProxy.Report.Seen])
    {
      try await proxy.reset()
      try await proxy.setRules([.object(rule.merging(["method": "UpsertWorkouts"]) { $1 })])
      let report = await me.workouts.upsertAll((10..<20).map { input($0) }, options: options)
      let log = try await proxy.report().log ?? []
      return (report, log.filter { $0.method == "UpsertWorkouts" })
    }
    func busy(_ seconds: Int, _ times: Int) -> [String: JSON] {
      [
        "fault": "answer", "status": 503, "code": "unavailable", "reason": "unavailable",
        "headers": ["Retry-After": .string(String(seconds))], "times": .number(Double(times)),
      ]
    }

    let (late, calls) = try await upload(busy(1, 2), UploadOptions(batchSize: 5))
    try late.check()
    XCTAssertEqual(late.created, 10)
    XCTAssertEqual(calls.map(\.status), [503, 503, 200, 200])
    XCTAssertEqual(Set(calls.prefix(3).map(\.key)).count, 1)
    XCTAssertEqual(Set(calls.map(\.key)).count, 2)
    for (before, after) in zip(calls.prefix(2), calls.dropFirst()) {
      XCTAssertGreaterThanOrEqual(after.atMs - before.atMs, 990)
    }

    let (lost, twice) = try await upload(["fault": "drop", "times": 1], UploadOptions())
    try lost.check()
    XCTAssertEqual(twice.count, 2)
    XCTAssertEqual(lost.done, 10)

    let (far, once) = try await upload(busy(90, 1), UploadOptions(maxWait: 60))
    XCTAssertEqual(once.count, 1)
    XCTAssertEqual(far.error?.retryAfter ?? 0, 90, accuracy: 1)
    XCTAssertEqual(far.done, 0)

    let (never, all) = try await upload(busy(0, 0), UploadOptions(retries: 1))
    XCTAssertEqual(all.count, 2)
    XCTAssertTrue(never.error?.isUnavailable ?? false, "\(String(describing: never.error))")
  }

  private final class Seen: @unchecked Sendable {
    private let lock = NSLock()
    private var seen: [UploadProgress] = []
    var all: [UploadProgress] { lock.withLock { seen } }
    func add(_ progress: UploadProgress) { lock.withLock { seen.append(progress) } }
  }
}

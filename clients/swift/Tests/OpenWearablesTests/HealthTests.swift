import Foundation
import OpenWearables
import OpenWearablesTesting
import XCTest

@testable import OpenWearablesHealth

/// What comes from HealthKit, without HealthKit.
final class HealthTests: XCTestCase {
  private let start = Date(timeIntervalSince1970: 1_783_000_000)  // in summer

  private func sample(
    _ uuid: UUID = UUID(), activity: UInt = 37, sync: String? = nil, name: String = "Workout"
  ) -> WorkoutSample {
    WorkoutSample(
      uuid: uuid, activity: activity, start: start, end: start.addingTimeInterval(3600),
      duration: 3000.4, timeZone: "Europe/Berlin", syncIdentifier: sync, sourceName: name,
      sourceBundle: "com.apple.health", productType: "Watch6,1", activeEnergy: 512.5,
      distance: 10_000, averageHeartRate: 140, maximumHeartRate: 301, elevationAscended: -1)
  }

  func testAWorkoutBecomesOneOfTheServer() {
    let uuid = UUID()
    XCTAssertEqual(
      WorkoutInput(sample(uuid)),
      WorkoutInput(
        externalID: uuid.uuidString.lowercased(), type: "running", startTime: start,
        endTime: start.addingTimeInterval(3600), zoneOffset: "+02:00", durationSeconds: 3000,
        source: WorkoutSource(
          provider: "apple_health", source: "Workout", device: "Watch6,1", deviceType: "watch"),
        caloriesKcal: 512.5, distanceMeters: 10_000, avgHeartRateBpm: 140))
    XCTAssertEqual(WorkoutInput(sample(activity: 50)).type, WorkoutType.strengthTraining)
    XCTAssertEqual(WorkoutInput(sample(activity: 81)).type, "other")
    XCTAssertEqual(WorkoutInput(sample(activity: 9999)).type, "other")
    let all = (0...90).map { workoutType(ofActivity: $0) }.filter { $0 != "other" }
    XCTAssertEqual(all.count, 83)
    XCTAssertEqual(Set(all).count, 83)
    XCTAssertEqual(Set(all).subtracting(WorkoutType.all), [])
  }

  func testIDsAreStableAndTextsFit() {
    let uuid = UUID()
    XCTAssertEqual(sample(uuid, sync: "7").externalID, "com.apple.health/7")
    XCTAssertEqual(sample(uuid, sync: "").externalID, uuid.uuidString.lowercased())
    let long = String(repeating: "x", count: 300)
    XCTAssertEqual(sample(uuid, sync: long).externalID, uuid.uuidString.lowercased())
    XCTAssertEqual(WorkoutInput(sample(name: "a\u{0}b\n ")).source.source, "ab")
    XCTAssertEqual(WorkoutInput(sample(name: " ")).source.source, "com.apple.health")
    XCTAssertEqual(WorkoutInput(sample(name: long)).source.source?.count, 255)
    var wrong = sample()
    wrong.duration = .nan
    wrong.end = wrong.start.addingTimeInterval(-5)
    wrong.productType = nil
    XCTAssertNil(WorkoutInput(wrong).durationSeconds)
    XCTAssertEqual(WorkoutInput(wrong).endTime, wrong.start)
  }

  func testTheZoneIsThatOfTheWorkout() {
    let winter = Date(timeIntervalSince1970: 1_767_300_000)
    XCTAssertEqual(utcOffset("Europe/Berlin", at: start), "+02:00")
    XCTAssertEqual(utcOffset("Europe/Berlin", at: winter), "+01:00")
    XCTAssertEqual(utcOffset("Asia/Kathmandu", at: winter), "+05:45")
    XCTAssertEqual(utcOffset("America/St_Johns", at: winter), "-03:30")
    XCTAssertEqual(utcOffset("UTC", at: winter), "Z")
    XCTAssertNil(utcOffset("Mars/Olympus", at: winter))
    var sample = sample()
    sample.timeZone = nil
    XCTAssertNil(WorkoutInput(sample).zoneOffset)
  }

  func testChangesReachARealServer() async throws {
    let person = try await TestServer.shared.newPerson()
    let me = UserClient(UserSession(baseURL: TestServer.shared.url) { _ in person.tokens })
    let source = FakeSource()
    let sync = HealthSync(folder: folder(), source: source, client: me, limit: 2)
    let kept = sample()
    let gone = sample()
    source.add([kept, gone, sample(sync: "1"), sample(), sample(sync: "2")])
    let first = try await sync.run()
    XCTAssertEqual(first.stored, 5)
    source.delete([gone.uuid, UUID()])
    let replaced = try XCTUnwrap(source.samples.first { $0.syncIdentifier == "1" })
    source.delete([replaced.uuid])
    source.add([sample(sync: "1", name: "New")])
    let second = try await sync.run()
    XCTAssertEqual(second.rejected, [])
    let list = try await me.workouts.list(from: start, to: start.addingTimeInterval(1)).collect()
    XCTAssertEqual(list.count, 4)
    XCTAssertFalse(list.contains { $0.externalID == WorkoutInput(gone).externalID })
    XCTAssertTrue(list.contains { $0.externalID == WorkoutInput(kept).externalID })
    XCTAssertEqual(
      list.first { $0.externalID == "com.apple.health/1" }?.source.source, "New")
    let third = try await sync.run()
    XCTAssertEqual(third.stored, 0)
  }

  /// Whatever fails, and whenever the app ends, the next run sends what is not sent.
  func testNothingIsLostWithoutANetworkOrAcrossARestart() async throws {
    let server = FakeServer()
    let ada = server.addUser()
    let folder = folder()
    let source = FakeSource()
    source.add((0..<5).map { _ in sample() })
    func sync() -> HealthSync {
      HealthSync(folder: folder, source: source, client: server.userClient(of: ada.id), limit: 2)
    }
    for n in 0..<3 {
      server.fail(.refused(.permissionDenied, "quota_exceeded"), on: "UpsertWorkouts")
      do {
        try await sync().run()
        XCTFail("it was stored")
      } catch { XCTAssertEqual((error as? APIError)?.reason, "quota_exceeded", "run \(n)") }
    }
    XCTAssertEqual(server.workouts(of: ada.id), [])
    let report = try await sync().run()
    XCTAssertEqual(report.stored, 5)
    XCTAssertEqual(Set(server.workouts(of: ada.id).map(\.externalID)).count, 5)

    source.lock(true)
    let locked = try await sync().run()
    XCTAssertTrue(locked.isLocked)
    source.lock(false)

    // Killed after the batch was written and before the anchor was.
    source.add([sample(), sample(sync: "x")])
    let outbox = try Outbox(folder: folder, user: ada.id)
    let changes = try await source.changes(since: outbox.anchor(), limit: 10)
    let anchor = try XCTUnwrap(try outbox.anchor())
    try outbox.keep(.init(added: changes.added, deleted: []), anchor: anchor)
    XCTAssertEqual(try outbox.files().count, 1)
    let again = try await sync().run()
    XCTAssertEqual(again.stored, 4, "two are sent twice")
    XCTAssertEqual(server.workouts(of: ada.id).count, 7)
    XCTAssertEqual(try outbox.files(), [])

    // A file that is no batch keeps nothing back.
    try Data("{".utf8).write(
      to: folder.appendingPathComponent(ada.id).appendingPathComponent("batch-000000000009"))
    source.add([sample()])
    let last = try await sync().run()
    XCTAssertEqual(last.stored, 1)

    // Another user has an outbox of their own.
    let grace = server.addUser()
    let other = HealthSync(
      folder: folder, source: source, client: server.userClient(of: grace.id))
    let theirs = try await other.run()
    XCTAssertEqual(theirs.stored, 8)
  }

  private func folder() -> URL {
    FileManager.default.temporaryDirectory.appendingPathComponent("health-\(UUID().uuidString)")
  }

  /// A source whose anchor is the number of changes so far.
  private final class FakeSource: SampleSource, @unchecked Sendable {
    private enum Change {
      case added(WorkoutSample)
      case deleted(UUID)
    }

    private let lock = NSLock()
    private var changes: [Change] = []
    private var isLocked = false

    var samples: [WorkoutSample] {
      lock.withLock {
        changes.compactMap { if case .added(let sample) = $0 { sample } else { nil } }
      }
    }

    func add(_ samples: [WorkoutSample]) {
      lock.withLock { changes += samples.map { .added($0) } }
    }
    func delete(_ uuids: [UUID]) { lock.withLock { changes += uuids.map { .deleted($0) } } }
    func lock(_ on: Bool) { lock.withLock { isLocked = on } }

    func changes(since anchor: Data?, limit: Int) async throws -> SampleChanges {
      try lock.withLock {
        if isLocked { throw SourceLocked() }
        let first = anchor.flatMap { Int(String(decoding: $0, as: UTF8.self)) } ?? 0
        let new = changes[first...].prefix(limit)
        var result = SampleChanges(
          added: [], deleted: [], anchor: Data("\(first + new.count)".utf8),
          hasMore: first + new.count < changes.count)
        for change in new {
          switch change {
          case .added(let sample): result.added.append(sample)
          case .deleted(let uuid): result.deleted.append(uuid)
          }
        }
        return result
      }
    }
  }
}

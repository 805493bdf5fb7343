import Foundation
import XCTest

@testable import OpenWearables

/// What the server reports: rejected workouts, events, accesses, usage and leaked
/// credentials.
final class ReportTests: XCTestCase {
  private let server = TestServer.shared

  private func workouts(_ bad: Int?) -> [WorkoutInput] {
    (0..<3).map { i in
      let start = Date(timeIntervalSince1970: 1_772_323_200 + Double(i) * 60)
      let end = start.addingTimeInterval(i == bad ? -1 : 1)
      return WorkoutInput(
        externalID: "w\(i)", type: "running", startTime: start, endTime: end,
        source: WorkoutSource(provider: "test"), avgHeartRateBpm: 120.5)
    }
  }

  /// A wrong workout is left out and named; with `allOrNone` nothing is stored.
  func testWrongWorkoutIsRejected() async throws {
    let person = try await server.newPerson()
    let client = OpenWearablesClient(UserSession(baseURL: server.url) { _ in person.tokens })
    do {
      _ = try await client.workouts.upsert(userID: person.id, workouts(1), allOrNone: true)
      XCTFail("it was stored")
    } catch {
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
    XCTAssertEqual(whole.items.map(\.status), [.updated, .created, .updated])
    XCTAssertEqual(whole.rejected, [])
  }

  /// The audit trail has what a developer did, page by page, and a user reads who read their
  /// data.
  func testEventsAndAccessesAreListed() async throws {
    let person = try await server.newPerson()
    for name in ["a", "b", "c"] {
      _ = try await server.developer.users.update(
        UpdateUserRequest(id: person.id, firstName: name))
    }
    let request = ListAuditEventsRequest(
      subject: "user:\(person.id)", action: "user.update", limit: 1)
    let events = try await server.developer.audit.events(request).reduce(into: []) {
      $0.append($1)
    }
    XCTAssertEqual(events.count, 3)
    XCTAssertEqual(Set(events.map(\.outcome)), ["ok"])
    XCTAssertTrue(events.allSatisfy { $0.actor.hasPrefix("developer:") }, "\(events)")
    XCTAssertTrue(events.allSatisfy { $0.client?.contains("openwearables-swift/") ?? false })

    let client = OpenWearablesClient(UserSession(baseURL: server.url) { _ in person.tokens })
    let list = ListWorkoutsRequest(
      userID: person.id, startDate: "2026-01-01", endDate: "2027-01-01")
    for try await _ in client.workouts.list(list) {}
    let accesses = try await eventually {
      try await client.audit.accesses(userID: person.id).reduce(into: []) { $0.append($1) }
    } until: {
      !$0.isEmpty
    }
    XCTAssertEqual(accesses.map(\.operation), ["ListWorkouts"])
    XCTAssertEqual(accesses.map(\.actor), ["user:\(person.id)"])
  }

  /// A reported credential ends, without another credential, also if it has ended before.
  func testReportedCredentialEnds() async throws {
    let made = try await server.developer.keys.create(CreateKeyRequest(name: "leaked"))
    let keyed = try OpenWearablesClient(baseURL: server.url, .key(made.secret), .init())
    for try await _ in keyed.users.list(ListUsersRequest(limit: 100)) { break }
    let nobody = try OpenWearablesClient(baseURL: server.url)
    try await nobody.audit.reportCredential(made.secret)
    try await nobody.audit.reportCredential(made.secret)
    do {
      for try await _ in keyed.users.list() { break }
      XCTFail("the key works")
    } catch { XCTAssertTrue(error.isUnauthenticated, "\(error)") }
    do {
      try await nobody.audit.reportCredential(Secret(""))
      XCTFail("nothing was reported")
    } catch { XCTAssertTrue(error.isInvalid, "\(error)") }
  }

  /// A service that may verify credentials learns what one stands for, and why one is refused.
  func testCredentialsAreVerified() async throws {
    let asks = try await server.developer.keys.create(
      CreateKeyRequest(scopes: [.credentialsVerify]))
    let asked = try await server.developer.keys.create(CreateKeyRequest(scopes: [.workoutsRead]))
    let service = try OpenWearablesClient(baseURL: server.url, .key(asks.secret), .init())
    let key = asked.secret.reveal()

    let good = try await service.credentials.verify(
      VerifyCredentialRequest(credential: key, operation: "ListWorkouts"))
    XCTAssertTrue(good.valid, "\(good)")
    XCTAssertEqual(good.subject, "key:\(asked.key.id)")
    let many = try await service.credentials.verifyMany([
      CredentialCheck(credential: "nonsense"), CredentialCheck(credential: key),
    ])
    XCTAssertEqual(many.map(\.reason), [.malformed, .valid])
    let why = try await service.credentials.explain(
      ExplainAccessRequest(credential: key, operation: "CreateKey"))
    XCTAssertEqual(why.checks.filter { $0.outcome == .failed }.map(\.name), [.kind])
  }

  /// Requests are reported for the account, and for the key, application and user that made
  /// them.
  func testUsageIsReported() async throws {
    let developer = server.developer
    let made = try await developer.keys.create(CreateKeyRequest(name: "counted"))
    let app = try await developer.applications.create(name: "counted")
    let person = try await server.newPerson()
    let keyed = try OpenWearablesClient(baseURL: server.url, .key(made.secret), .init())
    _ = try await keyed.users.get(person.id)
    let client = OpenWearablesClient(UserSession(baseURL: server.url) { _ in person.tokens })
    _ = try await client.users.get(person.id)
    _ = try await client.users.get(person.id)

    let start = Date(timeIntervalSinceNow: -600)
    let end = Date(timeIntervalSinceNow: 600)
    let key = try await eventually {
      try await developer.usage.key(made.key.id, from: start, to: end, by: .minute)
    } until: {
      $0.totals.requests == 1
    }
    XCTAssertEqual(key.resolution, .minute)
    XCTAssertTrue((20...22).contains(key.series.count), "\(key.series.count)")
    XCTAssertEqual(key.operations.map(\.operation), ["GetUser"])
    let user = try await eventually {
      try await client.usage.user(person.id)
    } until: {
      $0.totals.requests >= 2
    }
    XCTAssertEqual(user.resolution, .hour)
    let unused = try await developer.usage.application(app.application.appID, by: .day)
    XCTAssertEqual(unused.totals.requests, 0)
    let account = try await developer.usage.account()
    XCTAssertTrue(account.keys.contains { $0.id == made.key.id }, "\(account.keys)")
    do {
      _ = try await developer.usage.account(from: end, to: start)
      XCTFail("it has a report")
    } catch { XCTAssertTrue(error.isInvalid, "\(error)") }
    do {
      _ = try await client.usage.account()
      XCTFail("a user has the report of the account")
    } catch { XCTAssertTrue(error.isForbidden, "\(error)") }
  }

  /// Returns the first value that is as expected, or the last one after five seconds.
  private func eventually<Value>(
    _ value: () async throws -> Value, until isExpected: (Value) -> Bool
  ) async throws -> Value {
    let deadline = monotonic() + 5
    while true {
      let value = try await value()
      if isExpected(value) || monotonic() > deadline { return value }
      try await Task.sleep(nanoseconds: 100_000_000)
    }
  }
}

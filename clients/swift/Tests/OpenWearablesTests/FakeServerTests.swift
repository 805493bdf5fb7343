import Foundation
import OpenWearables
import OpenWearablesTesting
import XCTest

/// The fake server of an app's tests.
final class FakeServerTests: XCTestCase {
  private let start = Date(timeIntervalSince1970: 1_772_323_200)

  private func input(_ id: String, after seconds: TimeInterval = 0) -> WorkoutInput {
    WorkoutInput(
      externalID: id, type: "running", startTime: start.addingTimeInterval(seconds),
      endTime: start.addingTimeInterval(seconds + 60), source: WorkoutSource(provider: "test"))
  }

  func testAnAppsCallsWorkWithoutANetwork() async throws {
    let server = FakeServer()
    let ada = server.addUser(email: "ada@example.com")
    let me = server.userClient(of: ada.id)
    let user = try await me.me()
    XCTAssertEqual(user, ada)
    let stored = try await me.workouts.upsert([
      input("a"), input("b", after: 60), WorkoutInput(defaults: ()), input("a"),
    ])
    XCTAssertEqual(stored.items.map(\.status), [.created, .created, .updated])
    XCTAssertEqual(stored.rejected.map(\.field), ["workouts[2].external_id"])
    XCTAssertEqual(server.workouts(of: ada.id).map(\.externalID), ["a", "b"])
    let list = try await me.workouts.list(from: start, to: start.addingTimeInterval(60)).collect()
    XCTAssertEqual(list.map(\.externalID), ["a"])

    let client = try server.client()
    for i in 0..<45 { _ = try await client.users.create(CreateUserRequest(firstName: "\(i)")) }
    let all = try await client.users.list().collect()
    XCTAssertEqual(all.count, 46)
    XCTAssertEqual(all.first?.firstName, "44")
    let renamed = try await client.users.update(UpdateUserRequest(id: ada.id, firstName: "Ada"))
    XCTAssertEqual(renamed.email, "ada@example.com")
    try await client.users.delete(ada.id)
    do {
      _ = try await client.users.get(ada.id)
      XCTFail("it is there")
    } catch { XCTAssertTrue(error.isNotFound) }
    do {
      _ = try await client.keys.list().collect()
      XCTFail("it has keys")
    } catch { XCTAssertEqual(error.code, .unimplemented) }
  }

  func testTokensExpireAndSessionsEnd() async throws {
    let server = FakeServer()
    let ada = server.addUser()
    let session = UserSession(baseURL: server.url, network: server.network)
    try await session.signIn(server.tokens(for: ada.id))
    let client = OpenWearablesClient(session)
    _ = try await client.users.get(ada.id)
    server.expireTokens()
    _ = try await client.users.get(ada.id)
    XCTAssertEqual(server.calls, ["GetUser", "GetUser", "RefreshToken", "GetUser"])
    do {
      _ = try await client.users.get(server.addUser().id)
      XCTFail("it is another user's")
    } catch { XCTAssertEqual(error.reason, "other_user") }
    do {
      _ = try await client.users.create()
      XCTFail("a user made one")
    } catch { XCTAssertTrue(error.isForbidden) }
    let other = UserSession(baseURL: server.url, userID: "other", network: server.network)
    try await other.signIn(server.tokens(for: ada.id))
    server.endSessions()
    do {
      _ = try await OpenWearablesClient(other).users.get(ada.id)
      XCTFail("it goes on")
    } catch { XCTAssertTrue(error.isSessionExpired, "\(error)") }
    XCTAssertEqual(other.state, .signedOut)
  }

  func testFaultsAreMet() async throws {
    let server = FakeServer()
    let ada = server.addUser()
    let client = try server.client()
    func failure(_ options: CallOptions = CallOptions()) async -> APIError? {
      do {
        _ = try await client.users.get(ada.id, options: options)
        return nil
      } catch { return error }
    }
    server.fail(.unavailable)
    server.fail(.rateLimited(retryAfter: 1))
    let none = await failure()
    XCTAssertNil(none, "both are retried")
    XCTAssertEqual(server.calls.count, 3)
    server.fail(.offline, on: "GetUser", times: 3)
    server.fail(.refused(.permissionDenied, "quota_exceeded"), on: "CreateUser")
    let offline = await failure()
    XCTAssertEqual(offline?.kind, .offline)
    do {
      _ = try await client.users.create()
      XCTFail("it was made")
    } catch {
      XCTAssertEqual(error.reason, "quota_exceeded")
      XCTAssertTrue(error.isForbidden)
    }
    server.fail(.slow(0.2))
    let slow = await failure(CallOptions(timeout: 0.1))
    XCTAssertEqual(slow?.kind, .timeout)
  }
}

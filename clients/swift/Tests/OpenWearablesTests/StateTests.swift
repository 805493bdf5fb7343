import Foundation
import XCTest

@testable import OpenWearables

/// Who is signed in, as an app asks for it.
final class StateTests: XCTestCase {
  private let server = TestServer.shared

  func testAProviderThatKnowsNobodyMakesTheSessionSignedOut() async throws {
    let person = try await server.newPerson()
    let signedIn = Locked(false)
    let session = UserSession(baseURL: server.url) { _ in
      guard signedIn.with({ $0 }) else { throw SignInRequired() }
      return person.tokens
    }
    XCTAssertEqual(session.state, .unknown)
    var states = session.states.makeAsyncIterator()
    let first = await states.next()
    XCTAssertEqual(first, .unknown)
    let before = try await session.reload()
    XCTAssertEqual(before, .signedOut)
    let second = await states.next()
    XCTAssertEqual(second, .signedOut)
    signedIn.with { $0 = true }
    let after = try await session.reload()
    XCTAssertEqual(after, .signedIn)
    var late = session.states.makeAsyncIterator()
    let present = await late.next()
    XCTAssertEqual(present, .signedIn)
    try await session.signOut()
    XCTAssertEqual(session.state, .signedOut)
  }

  /// What a renewal has to tell when the session was left since does not sign anybody in.
  func testALateEventDoesNotChangeTheState() async throws {
    let core = Core()
    _ = await core.supersede(nil, because: .signedOut())
    for event in [SessionEvent.signedIn(elsewhere: false), .tokenRefreshed(elsewhere: true)] {
      await core.emit([event])
      let state = await core.emitter.states.current
      XCTAssertEqual(state, .signedOut)
    }
  }

  /// A session that is found in the store makes no event, and a state.
  func testAStoredSessionIsSignedIn() async throws {
    let person = try await server.newPerson()
    let store = try await seeded(server.url.absoluteString, person.tokens, "fresh")
    let session = UserSession(baseURL: server.url, store: store)
    let state = try await session.reload()
    XCTAssertEqual(state, .signedIn)
  }

  func testAMissingNetworkIsNoState() async throws {
    let closed = UserSession(baseURL: URL(string: "http://127.0.0.1:1")!) { _ in
      throw URLError(.notConnectedToInternet)
    }
    do {
      try await closed.reload()
      XCTFail("it was reached")
    } catch { XCTAssertFalse(error.isUnauthenticated, "\(error)") }
    XCTAssertEqual(closed.state, .unknown)
  }

  /// An empty email takes no session that is there, and asks for no password.
  func testADeveloperWithoutAnEmailIsRefused() async throws {
    let store = MemoryStore()
    let password = server.password
    let signed = UserSession.developer(baseURL: server.url, email: server.email, store: store) {
      password
    }
    _ = try await signed.accessToken()
    for email in ["", " \n"] {
      let session = UserSession.developer(baseURL: server.url, email: email, store: store) {
        XCTFail("a password was asked for")
        return ""
      }
      do {
        _ = try await session.accessToken()
        XCTFail("somebody's session was taken")
      } catch {
        XCTAssertTrue(error.isInvalid, "\(error)")
        XCTAssertEqual(error.fields.map(\.field), ["email"])
      }
    }
  }

  func testAUserClientNeedsNoID() async throws {
    let person = try await server.newPerson()
    let me = UserClient(UserSession(baseURL: server.url) { _ in person.tokens })
    let user = try await me.me()
    XCTAssertEqual(user.id, person.id)
    let start = Date(timeIntervalSince1970: 1_772_323_200)
    let stored = try await me.workouts.upsert([
      WorkoutInput(
        externalID: "w", type: "running", startTime: start, endTime: start,
        source: WorkoutSource(provider: "test"))
    ])
    XCTAssertEqual(stored.created, 1)
    let list = try await me.workouts.list(from: start, to: start.addingTimeInterval(1)).collect()
    XCTAssertEqual(list.map(\.externalID), ["w"])
    try await me.workouts.delete(list[0].id)
    let none = try await me.workouts.list(from: start, to: start.addingTimeInterval(1)).collect()
    XCTAssertEqual(none, [])
    _ = try await me.accesses().collect()
    _ = try await me.usage()

    let opaque = UserClient(
      UserSession(baseURL: server.url) { _ in
        SessionTokens(accessToken: Secret("opaque"), expiresIn: 60)
      })
    do {
      _ = try await opaque.me()
      XCTFail("it names a user")
    } catch { XCTAssertTrue(error.isInvalid, "\(error)") }
  }
}

import Foundation
import XCTest

@testable import OpenWearables

/// Sign-ins and sign-outs while renewals are under way.
final class ContenderTests: XCTestCase {
  /// A store that fails and stalls at random.
  private final class WildStore: SessionStore {
    let inner = MemoryStore()
    let isCalm = Locked(false)

    private func happen() async throws {
      if isCalm.with({ $0 }) { return }
      await pause(.random(in: 0...0.004))
      if Int.random(in: 0..<4) == 0 { throw TestFailure("the disk is on fire") }
    }

    func load() async throws -> Data? {
      try await happen()
      return await inner.load()
    }

    func save(_ record: Data, replacing expected: Data?) async throws -> Bool {
      try await happen()
      let saved = await inner.save(record, replacing: expected)
      try await happen()
      return saved
    }

    func clear(_ expected: Data?) async throws -> Bool {
      try await happen()
      let cleared = await inner.clear(expected)
      try await happen()
      return cleared
    }
  }

  /// A store whose first save stops half-way, and whose second one fails.
  private final class SlowStore: SessionStore {
    let inner: MemoryStore
    let saving = Promise<Void>()
    let resume = Promise<Void>()
    private let saves = Locked(0)

    init(_ inner: MemoryStore) { self.inner = inner }

    func load() async throws -> Data? { await inner.load() }

    func save(_ record: Data, replacing expected: Data?) async throws -> Bool {
      let n = saves.with {
        $0 += 1
        return $0
      }
      if n == 1 {
        saving.fulfill(())
        try await resume.value(by: Deadline(in: 4))
      } else if n == 2 {
        throw TestFailure("the disk is on fire")
      }
      return await inner.save(record, replacing: expected)
    }

    func clear(_ expected: Data?) async throws -> Bool { await inner.clear(expected) }
  }

  /// A sign-in while a renewal saves its session, which the store then does not take: it holds,
  /// and what the renewal saved does not come back.
  func testASignInHoldsBesideARenewalThatSaves() async throws {
    let server = TestServer.shared
    let (old, new) = (try await server.newPerson(), try await server.newPerson())
    let clock = TestClock()
    let store = SlowStore(try await seeded(server.url.absoluteString, old.tokens, "expired"))
    let session = UserSession(
      baseURL: server.url, store: store, clock: clock.clock, core: Core(), provider: { _ in nil })
    let renewal = Task { try await session.accessToken() }
    try await store.saving.value(by: Deadline(in: 10))
    let signIn = Task { try await session.signIn(new.tokens) }
    await pause(0.2)
    store.resume.fulfill(())
    try await signIn.value
    _ = await renewal.result
    for _ in 0..<2 {
      clock.advance(6)
      _ = try await OpenWearablesClient(session).users.get(new.id)
      await pause(0.05)  // for the renewal that nobody waits for
    }
    let left = await store.inner.load()
    XCTAssertEqual(
      try left.map { try Record(stored: $0).access }, new.tokens.accessToken.reveal())
  }

  /// Whatever the store does, the last sign-in or sign-out holds: no renewal that began before
  /// takes its place, in memory or in the store.
  func testTheLastSignInOrSignOutHolds() async throws {
    for round in 0..<60 {
      let store = WildStore()
      let (clock, count) = (TestClock(), Locked(0))
      let transport = FakeTransport { _ in
        let n = count.with {
          $0 += 1
          return $0
        }
        let json =
          #"{"tokens":{"accessToken":"renewed\(n)","tokenType":"bearer","#
          + #""refreshToken":"rt_\(n)","expiresIn":60}}"#
        return HTTPResponse(
          status: 200, headers: ["content-type": "application/json"], body: Data(json.utf8))
      }
      let session = UserSession(
        baseURL: URL(string: "http://127.0.0.1:1")!, store: store, clock: clock.clock,
        core: Core(), transport: transport, provider: { _ in nil })
      let contenders = (0..<12).map { i in
        Task {
          for step in 0..<4 {
            await pause(.random(in: 0...0.004))
            if i % 3 == 0 {
              clock.advance(61)
              _ = try? await session.accessToken()
            } else if (i + step) % 3 == 1 {
              try? await session.signIn(tokens("old\(i)-\(step)"))
            } else {
              _ = try? await session.accessToken(userInitiated: true)
            }
          }
        }
      }
      await pause(.random(in: 0...0.02))
      for contender in contenders where Bool.random() { await contender.value }
      let isSignIn = round % 2 == 0
      let others = contenders.enumerated().filter { $0.offset % 3 != 0 }.map(\.element)
      for other in others { await other.value }  // the last one is the one below
      let late = (0..<4).map { _ in
        Task {
          clock.advance(61)
          _ = try? await session.accessToken(userInitiated: true)
        }
      }
      await pause(.random(in: 0...0.003))
      if isSignIn { try await session.signIn(tokens("new")) } else { try? await session.signOut() }
      let id = await session.engine.core.session?.record.id
      for task in contenders + late { await task.value }
      store.isCalm.with { $0 = true }
      try await check(isSignIn ? id : nil, session, store, clock, round)
    }
  }

  private func check(
    _ signIn: String?, _ session: UserSession, _ store: WildStore, _ clock: TestClock,
    _ round: Int
  ) async throws {
    clock.advance(6)
    do {
      _ = try await session.accessToken(userInitiated: true)
      XCTAssertNotNil(signIn, "round \(round): it has a token after the sign-out")
    } catch { XCTAssertNil(signIn, "round \(round): \(error)") }
    await pause(0.02)  // for the renewal that nobody waits for
    _ = try? await session.accessToken()
    let after = await session.engine.core.session?.record.id
    XCTAssertEqual(after, signIn, "round \(round): another session took its place")
    let left = await store.inner.load()
    XCTAssertEqual(try left.map { try Record(stored: $0).id }, after, "round \(round)")
  }
}

private func tokens(_ name: String) -> SessionTokens {
  SessionTokens(accessToken: Secret(name), refreshToken: Secret("rt_\(name)"), expiresIn: 60)
}

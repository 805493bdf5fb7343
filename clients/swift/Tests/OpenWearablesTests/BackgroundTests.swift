import Foundation
import OpenWearablesTesting
import XCTest

@testable import OpenWearables
@testable import OpenWearablesHealth

#if canImport(FoundationNetworking)
  import FoundationNetworking
#endif

/// Files that a system sends for the app, without that system.
final class BackgroundTests: XCTestCase {
  private let server = FakeServer()

  /// What a test does as the system: it sends when the test says so.
  private final class FakeSystem: BackgroundTransfers {
    struct Transfer: Sendable {
      let name: String
      let request: URLRequest
      let body: Data
      let delay: TimeInterval
    }

    private let state = Locked<[Transfer]>([])
    var all: [Transfer] { state.with { $0 } }

    func begin(_ name: String, _ request: URLRequest, file: URL, after delay: TimeInterval)
      async throws
    {
      let body = try Data(contentsOf: file)
      state.with {
        $0.append(Transfer(name: name, request: request, body: body, delay: delay))
      }
    }

    func running() async -> Set<String> { Set(all.map(\.name)) }

    /// Ends the oldest transfer without a delivery.
    func take() throws -> Transfer {
      try XCTUnwrap(state.with { $0.isEmpty ? nil : $0.removeFirst() })
    }

    /// Sends the oldest file and delivers the answer.
    @discardableResult
    func send(to server: FakeServer, _ sync: BackgroundSync) async throws -> TransferAnswer {
      let transfer = try take()
      let answer = await answer(of: transfer, server)
      try await sync.finished(transfer.name, answer)
      return answer
    }

    func answer(of transfer: Transfer, _ server: FakeServer) async -> TransferAnswer {
      var request = transfer.request
      request.httpBody = transfer.body
      do throws(APIError) {
        let response = try await server.network.transport.send(
          request, limit: 1 << 20, by: Deadline(in: 5))
        return TransferAnswer(
          status: response.status, headers: response.headers, body: response.body)
      } catch { return TransferAnswer(status: nil) }
    }
  }

  private final class Source: SampleSource {
    let samples: [WorkoutSample]
    let isLocked = Locked(false)
    let reads = Locked(0)

    init(_ count: Int, wrong: Int? = nil) {
      samples = (0..<count).map { sample($0, seconds: $0 == wrong ? 366 * 86_400 : 30) }
    }

    func changes(since anchor: Data?, limit: Int) async throws -> SampleChanges {
      if isLocked.with({ $0 }) { throw SourceLocked() }
      reads.with { $0 += 1 }
      let first = anchor.flatMap { Int(String(decoding: $0, as: UTF8.self)) } ?? 0
      let end = min(first + limit, samples.count)
      return SampleChanges(
        added: Array(samples[first..<end]), deleted: [], anchor: Data("\(end)".utf8),
        hasMore: end < samples.count)
    }
  }

  private let folder = FileManager.default.temporaryDirectory
    .appendingPathComponent("background-\(UUID().uuidString)")

  private func sync(
    _ client: UserClient, _ source: Source, _ system: FakeSystem, limit: Int = 2,
    onAnswer: @escaping @Sendable (SyncAnswer) -> Void = { _ in }
  ) -> BackgroundSync {
    BackgroundSync(
      folder: folder, source: source, client: client, transfers: system, limit: limit,
      onAnswer: onAnswer)
  }

  func testFilesGoOneAfterTheOther() async throws {
    let (ada, system) = (server.addUser(), FakeSystem())
    let sync = sync(server.userClient(of: ada.id), Source(5), system)
    try await sync.run()
    try await sync.run()
    XCTAssertEqual(system.all.count, 1, "the oldest, once")
    for stored in [2, 4, 5] {
      try await system.send(to: server, sync)
      XCTAssertEqual(server.workouts(of: ada.id).count, stored)
    }
    XCTAssertEqual(system.all.count, 0)
    XCTAssertEqual(try Outbox(folder: folder, user: ada.id).files(), [])
    let left = try FileManager.default.contentsOfDirectory(
      atPath: folder.appendingPathComponent(ada.id).path)
    XCTAssertEqual(left.sorted(), ["anchor", "ids"])
  }

  /// A token that ended while the file waited costs attempts and no file.
  func testATokenThatEndedMeanwhileIsReplaced() async throws {
    let (ada, system) = (server.addUser(), FakeSystem())
    let sync = sync(server.userClient(of: ada.id), Source(2), system)
    try await sync.run()
    server.expireTokens()
    for status in [401, 401, 200] {
      let answer = try await system.send(to: server, sync)
      XCTAssertEqual(answer.status, status)
    }
    XCTAssertEqual(server.workouts(of: ada.id).count, 2)
    XCTAssertEqual(server.calls.filter { $0 == "RefreshToken" }.count, 1)
  }

  func testAFileIsSentAgainLaterAndNotForEver() async throws {
    let (ada, system) = (server.addUser(), FakeSystem())
    let errors = Locked<[APIError?]>([])
    let sync = sync(server.userClient(of: ada.id), Source(2), system) { answer in
      errors.with { $0.append(answer.error) }
    }
    try await sync.run()
    server.fail(.rateLimited(retryAfter: 600), on: "UpsertWorkouts")
    try await system.send(to: server, sync)
    XCTAssertEqual(system.all.first?.delay ?? 0, 600, accuracy: 5)
    server.fail(.offline, on: "UpsertWorkouts", times: 8)
    var delays: [TimeInterval] = []
    while !system.all.isEmpty {
      delays.append(system.all[0].delay)
      try await system.send(to: server, sync)
    }
    XCTAssertEqual(delays.count, 8)
    XCTAssertEqual(delays[1...].sorted(), Array(delays[1...]), "it waits longer each time")
    XCTAssertEqual(errors.with { $0.compactMap { $0 }.count }, 9)
    XCTAssertEqual(try Outbox(folder: folder, user: ada.id).files().count, 1, "it is kept")
    try await sync.run()
    XCTAssertEqual(system.all.count, 1)

    // What the server refuses for good waits for the next run too.
    server.fail(.refused(.permissionDenied, "quota_exceeded"), on: "UpsertWorkouts")
    _ = try system.take()
    try await sync.run()
    while try await system.send(to: server, sync).status == nil {}
    XCTAssertEqual(system.all.count, 0)
    XCTAssertEqual(errors.with { $0.last??.reason }, "quota_exceeded")
  }

  func testWhatIsWrongIsToldAndLeftOut() async throws {
    let person = try await TestServer.shared.newPerson()
    let (system, answers) = (FakeSystem(), Locked<[SyncAnswer]>([]))
    let client = UserClient(
      UserSession(baseURL: TestServer.shared.url) { _ in person.tokens })
    let sync = sync(client, Source(3, wrong: 1), system, limit: 3) { answer in
      answers.with { $0.append(answer) }
    }
    try await sync.run()
    let transfer = try system.take()
    var request = transfer.request
    request.httpBody = transfer.body
    let response = try await URLSessionTransport().send(
      request, limit: 1 << 20, by: Deadline(in: 20))
    try await sync.finished(
      transfer.name,
      TransferAnswer(status: response.status, headers: response.headers, body: response.body))
    let answer = try XCTUnwrap(answers.with { $0 }.first)
    XCTAssertEqual(answer.items.map(\.index), [0, 1, 2])
    guard case .rejected(field: "end_time", _) = answer.items[1].outcome else {
      return XCTFail("\(answer.items[1])")
    }
    XCTAssertEqual(system.all.count, 0)
  }

  /// An answer that comes twice, or for another part of the app, changes nothing. One that never
  /// comes is asked for again.
  func testEveryAnswerCountsOnce() async throws {
    let (ada, system) = (server.addUser(), FakeSystem())
    let sync = sync(server.userClient(of: ada.id), Source(4), system)
    try await sync.run()
    let first = try system.take()
    let answer = await system.answer(of: first, server)
    try await sync.finished(first.name, answer)
    try await sync.finished(first.name, answer)
    let others = ["openwearables/../batch-1/0", "openwearables/\(ada.id)/../0"]
    for name in ["", "x/y", "a/b/c/d"] + others {
      try await sync.finished(name, answer)
    }
    XCTAssertEqual(system.all.count, 1)
    _ = try system.take()  // the system forgets it
    try await sync.run()
    try await system.send(to: server, sync)
    XCTAssertEqual(server.workouts(of: ada.id).count, 4)
    XCTAssertEqual(server.calls.filter { $0 == "UpsertWorkouts" }.count, 2)
  }

  /// The answer to a file of one user, while another is signed in, begins nothing for either.
  func testAnAnswerForAnotherUserIsTakenAndNoMore() async throws {
    let (ada, grace, system) = (server.addUser(), server.addUser(), FakeSystem())
    let session = UserSession(baseURL: server.url, network: server.network)
    try await session.signIn(server.tokens(for: ada.id))
    let sync = sync(UserClient(session), Source(4), system)
    try await sync.run()
    try await session.signIn(server.tokens(for: grace.id))
    try await system.send(to: server, sync)
    XCTAssertEqual(server.workouts(of: ada.id).count, 2)
    XCTAssertEqual(system.all.count, 0)
    XCTAssertEqual(try Outbox(folder: folder, user: ada.id).files().count, 1)
    try await sync.run()
    XCTAssertEqual(system.all.count, 1)
    XCTAssertEqual(TransferName(system.all[0].name)?.user, grace.id)
  }

  func testARunEndsInTime() async throws {
    let (ada, system, source) = (server.addUser(), FakeSystem(), Source(6))
    let sync = sync(server.userClient(of: ada.id), source, system)
    try await sync.run(until: Date(timeIntervalSinceNow: -1))
    XCTAssertEqual(source.reads.with { $0 }, 0)
    let canceled = Task { try await sync.run() }
    canceled.cancel()
    _ = await canceled.result
    try await sync.run()
    XCTAssertEqual(try Outbox(folder: folder, user: ada.id).files().count, 3)

    // A locked source keeps nothing back that was read before.
    _ = try system.take()
    source.isLocked.with { $0 = true }
    do {
      try await sync.run()
      XCTFail("it was read")
    } catch { XCTAssert(error is SourceLocked, "\(error)") }
    XCTAssertEqual(system.all.count, 1)
  }
}

private func sample(_ i: Int, seconds: TimeInterval) -> WorkoutSample {
  let start = Date(timeIntervalSince1970: 1_783_000_000 + Double(i) * 60)
  return WorkoutSample(
    uuid: UUID(), activity: 37, start: start, end: start.addingTimeInterval(seconds),
    duration: seconds > 60 ? .nan : 30, sourceName: "Workout", sourceBundle: "com.apple.health")
}

import Foundation
import XCTest

@testable import OpenWearables
@testable import OpenWearablesHealth

#if canImport(FoundationNetworking)
  import FoundationNetworking
#endif

/// An outbox whose process is killed.
final class OutboxTests: XCTestCase {
  /// Killed before changes are kept, while they are sent, after they arrived, and while a
  /// workout is deleted: the next process goes on there.
  func testTheNextProcessGoesOnWhereOneWasKilled() async throws {
    let fixture = try await Fixture()
    let held = [("UpsertWorkouts", "hold"), ("UpsertWorkouts", "hold_answer")]
    for (method, fault) in held + [("DeleteWorkout", "hold_answer")] {
      try await fixture.proxy.setRules([
        ["method": .string(method), "skip": 1, "fault": .string(fault), "times": 1]
      ])
      let child = try fixture.spawn()
      child.write("go\n")
      try await eventually("\(method) held") { try await fixture.proxy.report().held == 1 }
      child.kill()
      try await fixture.proxy.release()
      try await fixture.proxy.setRules([])
    }
    let child = try fixture.spawn(hangAt: "40")
    child.write("go\n")
    XCTAssertEqual(try child.readLine(), "hanging")
    child.kill()
    try await fixture.finish(kills: 4)
  }

  /// Killed at any moment.
  func testNothingIsLostWheneverAProcessIsKilled() async throws {
    let fixture = try await Fixture()
    try await fixture.proxy.setRules([["method": "*", "fault": "delay_answer", "delay_ms": 20]])
    for i in 0..<8 {
      let child = try fixture.spawn()
      child.write("go\n")
      await pause(0.03 * Double(i + 1))
      child.kill()
    }
    try await fixture.finish(kills: 8)
  }

  /// Killed at any moment, while the system goes on sending: nothing is lost, and nothing that
  /// was answered is sent again.
  func testTheSystemSendsWhileTheAppIsKilled() async throws {
    let fixture = try await Fixture()
    let system = Spool(try fixture.makeSpool())
    for i in 0..<8 {
      let child = try fixture.spawn(spool: system.folder.path)
      child.write("go\n")
      await pause(0.02 * Double(i + 1))
      child.kill()
      if i == 4 {  // the token of what waits is refused
        try await fixture.proxy.setRules([
          [
            "method": "UpsertWorkouts", "fault": "answer", "times": 1, "status": 401,
            "code": "unauthenticated", "reason": "token_expired",
          ]
        ])
      }
    }
    try await fixture.finish(kills: 9, spool: system.folder.path)
    system.stop()
  }

  /// What a killed process has not finished does not stay for ever.
  func testWhatWasNotFinishedIsRemoved() throws {
    let folder = TestServer.shared.folder.appendingPathComponent(randomKey())
    _ = try Outbox(folder: folder, user: "u")
    let names = ["batch-000000000001", "anchor", ".dat.1", ".dat.2"]
    for name in names {
      try Data("{}".utf8).write(to: folder.appendingPathComponent("u/\(name)"))
    }
    for name in names.dropLast() {
      try FileManager.default.setAttributes(
        [.modificationDate: Date(timeIntervalSinceNow: -4000)],
        ofItemAtPath: folder.appendingPathComponent("u/\(name)").path)
    }
    _ = try Outbox(folder: folder, user: "u")
    let left = try FileManager.default.contentsOfDirectory(
      atPath: folder.appendingPathComponent("u").path)
    XCTAssertEqual(left.sorted(), [".dat.2", "anchor", "batch-000000000001"])
  }

  func testTheLedgerKeepsWhatCounts() throws {
    let url = TestServer.shared.folder.appendingPathComponent(randomKey())
    let ledger = Ledger(url: url, limit: 300)
    let (a, b, c) = (UUID(), UUID(), UUID())
    try ledger.remember([a: "1", b: "2"])
    try ledger.remember([c: "1"])  // its app has replaced a by c
    XCTAssertEqual(try ledger.ids(of: [a, b, c]), [b: "2", c: "1"])
    try ledger.forget([b])
    XCTAssertEqual(try ledger.ids(of: [a, b, c]), [c: "1"])

    // A process was killed within a line.
    let file = try FileHandle(forUpdating: url)
    try file.seekToEnd()
    try file.write(contentsOf: Data("\(a.uuidString) 12".utf8))
    try file.close()
    XCTAssertEqual(try ledger.ids(of: [a, c]), [c: "1"])
    try ledger.remember([b: "3"])
    XCTAssertEqual(try ledger.ids(of: [a, b, c]), [b: "3", c: "1"])
    try ledger.remember([b: "4 5"])
    XCTAssertEqual(try ledger.ids(of: [b]), [b: "3"])

    let old = (0..<200).map { _ in UUID() }
    let all = Dictionary(uniqueKeysWithValues: old.map { ($0, UUID().uuidString) })
    var longest = 0
    for _ in 0..<50 {
      try ledger.remember(all)
      longest = max(longest, try Data(contentsOf: url).count)
    }
    XCTAssertLessThan(longest, 128 << 10)
    XCTAssertEqual(try ledger.ids(of: Set(old)), all)
    XCTAssertEqual(try ledger.ids(of: [a, b, c]), [b: "3", c: "1"])

    // Beyond the limit, the newest are kept.
    let new = (0..<2000).map { _ in UUID() }
    for uuid in new { try ledger.remember([uuid: uuid.uuidString]) }
    XCTAssertEqual(try ledger.ids(of: Set(new.suffix(300))).count, 300)
    XCTAssertEqual(try ledger.ids(of: Set(old)), [:])
  }

  /// The part of the system that sends files, whatever becomes of the app.
  private final class Spool: Sendable {
    private struct Request: Decodable {
      let name: String
      let url: URL
      let headers: [String: String]
      let file: URL
    }

    private struct Answer: Encodable {
      let name: String
      let status: Int?
      let headers: [String: String]
      let body: Data
    }

    let folder: URL
    private let isStopped = Locked(false)

    init(_ folder: URL) {
      self.folder = folder
      Task { [isStopped] in
        while !isStopped.with({ $0 }) {
          let files = try? FileManager.default.contentsOfDirectory(
            at: folder, includingPropertiesForKeys: nil)
          for file in files ?? [] where file.pathExtension == "request" {
            try? await Self.send(file)
          }
          await pause(0.002)
        }
      }
    }

    func stop() { isStopped.with { $0 = true } }

    private static func send(_ file: URL) async throws {
      let asked = try JSONDecoder().decode(Request.self, from: Data(contentsOf: file))
      var request = URLRequest(url: asked.url)
      request.httpMethod = "POST"
      for (name, value) in asked.headers { request.setValue(value, forHTTPHeaderField: name) }
      request.httpBody = try Data(contentsOf: asked.file)
      let response = try? await URLSessionTransport().send(
        request, limit: 4 << 20, by: Deadline(in: 20))
      let answer = Answer(
        name: asked.name, status: response?.status, headers: response?.headers ?? [:],
        body: response?.body ?? Data())
      try JSONEncoder().encode(answer).write(
        to: file.deletingPathExtension().appendingPathExtension("answer"), options: .atomic)
      try FileManager.default.removeItem(at: file)
    }
  }

  /// A person with a session in a file, a proxy and an outbox.
  private struct Fixture {
    let proxy: FaultProxy
    let person: Person
    let folder: URL

    init() async throws {
      let server = TestServer.shared
      proxy = try server.proxy()
      person = try await server.newPerson()
      folder = server.folder.appendingPathComponent(randomKey())
      let record = try storedRecord(proxy.base, person.tokens, "fresh")
      let saved = try await FileStore(path: path).save(record, replacing: nil)
      XCTAssertTrue(saved)
    }

    private var path: String { folder.appendingPathComponent("session.json").path }
    private var outbox: String { folder.appendingPathComponent("outbox").path }

    func makeSpool() throws -> URL {
      let spool = folder.appendingPathComponent("spool")
      try FileManager.default.createDirectory(at: spool, withIntermediateDirectories: true)
      return spool
    }

    func spawn(hangAt: String = "", spool: String? = nil) throws -> ChildProcess {
      let child = ChildProcess(storeProcess())
      try child.start()
      var job = [
        "base": proxy.base, "path": path, "user": person.id, "hangAt": hangAt, "outbox": outbox,
      ]
      job["spool"] = spool
      child.write(String(decoding: try JSONEncoder().encode(job), as: UTF8.self) + "\n")
      XCTAssertEqual(try child.readLine(), "ready")
      return child
    }

    /// Lets a process send the rest, and checks that all has arrived and little twice.
    func finish(kills: Int, spool: String? = nil) async throws {
      let last = try spawn(spool: spool)
      last.write("go\n")
      XCTAssertEqual(try last.readLine(), "ok")
      XCTAssertEqual(try last.wait(), 0)
      let calls = try await proxy.report().requests["UpsertWorkouts"] ?? 0
      XCTAssertTrue((12...12 + kills).contains(calls), "\(calls) calls")
      let start = Date(timeIntervalSince1970: 1_783_000_000)
      let stored = try await TestServer.shared.developer.workouts.list(
        userID: person.id, from: start, to: start.addingTimeInterval(3600)
      ).collect()
      XCTAssertEqual(
        stored.map { Int($0.startTime.timeIntervalSince(start) / 60) }.sorted(),
        (0..<60).filter { $0 % 5 < 3 })
      let left = try Outbox(folder: URL(fileURLWithPath: outbox), user: person.id).files()
      XCTAssertEqual(left, [])
    }
  }
}

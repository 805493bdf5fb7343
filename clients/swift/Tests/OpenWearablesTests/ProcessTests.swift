import Foundation
import XCTest

@testable import OpenWearables

/// Processes that share one file.
final class ProcessTests: XCTestCase {
  /// Eight processes refresh once if none is killed.
  func testEightProcessesRefreshOnce() async throws {
    let fixture = try await Fixture()
    let all = try (0..<8).map { _ in try fixture.spawn() }
    for process in all { process.write("go\n") }
    for process in all {
      XCTAssertEqual(try process.readLine(), "ok")
      XCTAssertEqual(try process.wait(), 0)
    }
    let report = try await fixture.proxy.report()
    XCTAssertEqual(report.refreshes, 1)
    XCTAssertEqual(report.rotated, 1)
  }

  /// The process that refreshes is killed at each of six moments. The others make exactly
  /// one new pair, keep the session, and do not wait for the lock of the killed process.
  func testKilledLockHolderCostsOneRotationAndNoSession() async throws {
    for moment in ["locked", "loaded", "sent", "received", "saved", "unlocking"] {
      let fixture = try await Fixture()
      if moment == "sent" {
        try await fixture.proxy.setRules([
          ["method": "RefreshToken", "fault": "hold_answer", "times": 1]
        ])
      }
      let holder = try fixture.spawn(hangAt: moment)
      let others = try (0..<7).map { _ in try fixture.spawn() }
      holder.write("go\n")
      if moment == "sent" {
        try await eventually("the refresh held") { try await fixture.proxy.report().held == 1 }
      } else {
        XCTAssertEqual(try holder.readLine(), "hanging", moment)
      }
      for process in others { process.write("go\n") }
      await pause(0.3)
      holder.kill()
      let killed = monotonic()
      for process in others {
        XCTAssertEqual(try process.readLine(), "ok", moment)
        XCTAssertEqual(try process.wait(), 0, moment)
      }
      XCTAssertLessThan(monotonic() - killed, 10, moment)
      try await fixture.proxy.release()
      let report = try await fixture.proxy.report()
      XCTAssertEqual(report.rotated, 1, moment)
      let refreshes = (report.log ?? []).filter { $0.method == "RefreshToken" }
      XCTAssertEqual(Set(refreshes.map(\.key)).count, 1, moment)
      let after = UserSession(
        baseURL: fixture.proxy.url, store: FileStore(path: fixture.path), core: Core(),
        provider: { _ in nil })
      _ = try await OpenWearablesClient(after).users.get(fixture.person.id)
    }
  }

  /// A process is killed after it received the response and before it stored it. The next
  /// process receives the same response.
  func testRefreshKilledBeforeSaveIsRepeatedByTheNextProcess() async throws {
    let fixture = try await Fixture()
    let first = try fixture.spawn(hangAt: "received")
    first.write("go\n")
    XCTAssertEqual(try first.readLine(), "hanging")
    first.kill()
    let next = try fixture.spawn()
    next.write("go\n")
    XCTAssertEqual(try next.readLine(), "ok")
    let report = try await fixture.proxy.report()
    XCTAssertEqual(report.refreshes, 2)
    XCTAssertEqual(report.rotated, 1)
  }

  /// A person with an expired token in a file, and a proxy.
  private struct Fixture {
    let proxy: FaultProxy
    let person: Person
    let path: String

    init() async throws {
      let server = TestServer.shared
      proxy = try server.proxy()
      person = try await server.newPerson()
      path = server.folder.appendingPathComponent("\(randomKey())/session.json").path
      let record = try storedRecord(proxy.base, person.tokens, "expired")
      let saved = try await FileStore(path: path).save(record, replacing: nil)
      XCTAssertTrue(saved)
    }

    func spawn(hangAt: String = "") throws -> ChildProcess {
      let child = ChildProcess(storeProcess())
      try child.start()
      let job = ["base": proxy.base, "path": path, "user": person.id, "hangAt": hangAt]
      child.write(String(decoding: try JSONEncoder().encode(job), as: UTF8.self) + "\n")
      XCTAssertEqual(try child.readLine(), "ready")
      return child
    }
  }
}

/// Returns the program of `Tests/StoreProcess`.
func storeProcess() -> URL {
  #if canImport(Darwin)
    let tests = Bundle(for: ProcessTests.self).bundleURL
  #else
    let tests = URL(fileURLWithPath: CommandLine.arguments[0])
  #endif
  return tests.deletingLastPathComponent().appendingPathComponent("StoreProcess")
}

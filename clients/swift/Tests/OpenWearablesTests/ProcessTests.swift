import Foundation
import XCTest

@testable import OpenWearables

/// Processes that share one file.
final class ProcessTests: XCTestCase {
  /// Eight processes with nobody killed refresh once.
  func testEightProcessesRefreshOnce() async throws {
    let scene = try await Scene()
    let all = try (0..<8).map { _ in try scene.spawn() }
    for process in all { process.write("go\n") }
    for process in all {
      XCTAssertEqual(process.line(), "ok")
      XCTAssertEqual(process.wait(), 0)
    }
    let report = try await scene.proxy.report()
    XCTAssertEqual(report.refreshes, 1)
    XCTAssertEqual(report.rotated, 1)
  }

  /// The one that refreshes is killed at each of six moments. The others make exactly one
  /// new pair, none loses the session, and none waits out the lock of the one that died.
  func testHolderKilled() async throws {
    for moment in ["locked", "loaded", "sent", "received", "saved", "unlocking"] {
      let scene = try await Scene()
      if moment == "sent" {
        try await scene.proxy.rules([
          ["method": "RefreshToken", "fault": "hold_answer", "times": 1]
        ])
      }
      let holder = try scene.spawn(hangAt: moment)
      let others = try (0..<7).map { _ in try scene.spawn() }
      holder.write("go\n")
      if moment == "sent" {
        try await eventually("the refresh held") { try await scene.proxy.report().held == 1 }
      } else {
        XCTAssertEqual(holder.line(), "hanging", moment)
      }
      for process in others { process.write("go\n") }
      await pause(0.3)
      holder.kill()
      let killed = monotonic()
      for process in others {
        XCTAssertEqual(process.line(), "ok", moment)
        XCTAssertEqual(process.wait(), 0, moment)
      }
      XCTAssertLessThan(monotonic() - killed, 10, moment)
      try await scene.proxy.release()
      let report = try await scene.proxy.report()
      XCTAssertEqual(report.rotated, 1, moment)
      let refreshes = (report.log ?? []).filter { $0.method == "RefreshToken" }
      XCTAssertEqual(Set(refreshes.map(\.key)).count, 1, moment)
      let after = UserSession(
        baseURL: scene.proxy.url, store: FileStore(path: scene.path), core: Core(),
        provider: { _ in nil })
      _ = try await Client(after).users.get(scene.person.id)
    }
  }

  /// Killed when the answer was received and not yet stored, the next process gets the same
  /// answer again.
  func testKilledBetweenReceiveAndSave() async throws {
    let scene = try await Scene()
    let first = try scene.spawn(hangAt: "received")
    first.write("go\n")
    XCTAssertEqual(first.line(), "hanging")
    first.kill()
    let next = try scene.spawn()
    next.write("go\n")
    XCTAssertEqual(next.line(), "ok")
    let report = try await scene.proxy.report()
    XCTAssertEqual(report.refreshes, 2)
    XCTAssertEqual(report.rotated, 1)
  }

  /// A person with an expired token in a file, before a proxy.
  private struct Scene {
    let proxy: Proxy
    let person: Person
    let path: String

    init() async throws {
      let rig = Rig.shared
      proxy = try rig.proxy()
      person = try await rig.person()
      path = rig.folder.appendingPathComponent("\(randomKey())/session.json").path
      let record = try storedRecord(proxy.base, person.tokens, "expired")
      let saved = try await FileStore(path: path).save(record, replacing: nil)
      XCTAssertTrue(saved)
    }

    func spawn(hangAt: String = "") throws -> Child {
      #if canImport(Darwin)
        let tests = Bundle(for: ProcessTests.self).bundleURL
      #else
        let tests = URL(fileURLWithPath: CommandLine.arguments[0])
      #endif
      let child = Child(
        tests.deletingLastPathComponent().appendingPathComponent("StoreProcess"))
      try child.start()
      let errand = ["base": proxy.base, "path": path, "user": person.id, "hangAt": hangAt]
      child.write(String(decoding: try JSONEncoder().encode(errand), as: UTF8.self) + "\n")
      XCTAssertEqual(child.line(), "ready")
      return child
    }
  }
}

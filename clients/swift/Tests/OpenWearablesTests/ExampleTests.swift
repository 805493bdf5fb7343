import Foundation
import XCTest

@testable import OpenWearables

/// The example for the command line, against a real server.
final class ExampleTests: XCTestCase {
  func testTheToolListsAndImports() async throws {
    let server = TestServer.shared
    let key = try await server.developer.keys.create(
      CreateKeyRequest(scopes: [.usersRead, .workoutsRead, .workoutsWrite]))
    let person = try await server.newPerson()
    func run(_ arguments: [String], input: String = "") throws -> [String] {
      let program = storeProcess().deletingLastPathComponent().appendingPathComponent("workouts")
      let variables = [
        "OPENWEARABLES_BASE_URL=\(server.url)", "OPENWEARABLES_API_KEY=\(key.secret.reveal())",
      ]
      let tool = ChildProcess(
        URL(fileURLWithPath: "/usr/bin/env"), variables + [program.path] + arguments)
      try tool.start()
      tool.write(input)
      tool.closeInput()
      var lines: [String] = []
      while case let line = try tool.readLine(), !line.isEmpty { lines.append(line) }
      XCTAssertEqual(try tool.wait(), 0, "\(arguments)")
      return lines
    }
    let users = try run(["users"])
    XCTAssertTrue(users.contains { $0.hasPrefix(person.id) })
    let end = Date(timeIntervalSince1970: Date().timeIntervalSince1970.rounded(.down) - 60)
    func line(_ id: String, _ start: Date, _ end: Date) -> String {
      #"{"id": "\#(id)", "type": "running", "start": "\#(start.formatted(.iso8601))", "#
        + #""end": "\#(end.formatted(.iso8601))", "meters": 10000}"#
    }
    let file =
      "[\(line("a", end - 3600, end)), \(line("b", end, end - 3600)), \(line("c", end - 7200, end))]"
    let imported = try run(["import", person.id], input: file)
    XCTAssertEqual(imported.first, "2 created, 0 updated, 1 rejected")
    XCTAssertTrue(imported.last?.contains("b: end_time") ?? false, "\(imported)")
    XCTAssertEqual(
      try run(["import", person.id], input: file).first, "0 created, 2 updated, 1 rejected")
    let listed = try run(["list", person.id, "1"])
    XCTAssertEqual(listed.count, 2)
    XCTAssertTrue(listed.allSatisfy { $0.hasSuffix("running 10000 m") }, "\(listed)")
  }
}

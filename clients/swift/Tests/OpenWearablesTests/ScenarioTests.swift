import XCTest

@testable import OpenWearables

final class ScenarioTests: XCTestCase {
  /// Runs every scenario against the real server, several at once because they mostly wait.
  /// SCENARIO_OUTCOMES names a file for the outcome of each; SCENARIO selects those with
  /// this text in their name.
  func testEveryScenarioEndsAsExpected() async throws {
    let only = ProcessInfo.processInfo.environment["SCENARIO"] ?? ""
    let scenarios = try Scenario.all().filter { only.isEmpty || $0.name.contains(only) }
    XCTAssertTrue(!only.isEmpty || scenarios.count >= 60)
    let server = TestServer.shared
    let outcomes = await withTaskGroup(of: (String, String).self) { group in
      var outcomes: [String: String] = [:]
      for (i, scenario) in scenarios.enumerated() {
        if i >= 12, let (name, outcome) = await group.next() { outcomes[name] = outcome }
        group.addTask { (scenario.name, await Self.outcome(of: scenario, server)) }
      }
      for await (name, outcome) in group { outcomes[name] = outcome }
      return outcomes
    }
    for (name, outcome) in outcomes where outcome != "pass" { XCTFail("\(name): \(outcome)") }
    XCTAssertEqual(outcomes.count, scenarios.count)
    if let path = ProcessInfo.processInfo.environment["SCENARIO_OUTCOMES"] {
      let encoder = JSONEncoder()
      encoder.outputFormatting = [.prettyPrinted, .sortedKeys]
      try encoder.encode(outcomes).write(to: URL(fileURLWithPath: path))
    }
  }

  private static func outcome(of scenario: Scenario, _ server: TestServer) async -> String {
    do {
      let problems = try await withTimeout(300) {
        let runner = try await ScenarioRunner(scenario, server)
        try await runner.run()
        return runner.problems
      }
      return problems.isEmpty ? "pass" : "fail: \(problems.joined(separator: "; "))"
    } catch {
      return "fail: \(error)"
    }
  }
}

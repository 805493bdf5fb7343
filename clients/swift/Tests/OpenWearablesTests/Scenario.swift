import Foundation

/// The shapes of clients/testdata/refresh-scenarios.json; its README defines them.
struct Scenario: Decodable, Sendable {
  let name: String
  var setup: Setup?
  var faults: JSON?
  let steps: [Step]
  let expect: Expectation

  struct Setup: Decodable, Sendable {
    var credential: String?
    var age: String?
    var store: String?
    var processes: Int?
    var clients: Int?
    var provider: String?
    var retry: Bool?
  }

  struct Step: Decodable, Sendable {
    let `do`: String
    var `as`: String?
    var rpc: String?
    var process: Int?
    var client: Int?
    var count: Int?
    var ok: Int?
    var error: String?
    var reason: String?
    var timeoutMs: Double?
    var withinMs: Double?
    var ms: Double?
    var user: String?
    var fault: String?
    var content: String?
    var mode: String?
    var rules: JSON?
  }

  struct Expectation: Decodable, Sendable {
    var refreshes: Span?
    var rotated: Span?
    var revokes: Span?
    var keys: Span?
    var requests: [String: Span]?
    var session: String?
    var alive: Bool?
    var original: String?
    var events: [String: Span]?
  }

  /// A number, or [least, most].
  struct Span: Decodable, Sendable {
    let range: ClosedRange<Int>

    init(from decoder: any Decoder) throws {
      let value = try decoder.singleValueContainer()
      if let number = try? value.decode(Int.self) {
        range = number...number
      } else {
        let pair = try value.decode([Int].self)
        range = pair[0]...pair[1]
      }
    }
  }

  static func all() throws -> [Scenario] {
    struct File: Decodable {
      let version: Int
      let scenarios: [Scenario]
    }
    let path = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
      .appendingPathComponent("../../../testdata/refresh-scenarios.json").standardizedFileURL
    let decoder = JSONDecoder()
    decoder.keyDecodingStrategy = .convertFromSnakeCase
    let file = try decoder.decode(File.self, from: Data(contentsOf: path))
    guard file.version == 1 else { throw TestFailure("scenarios of version \(file.version)") }
    return file.scenarios
  }
}

import Foundation
import XCTest

/// The names of this package are those of the table that all SDKs share.
final class NameTests: XCTestCase {
  /// A row of clients/testdata/names.json, which the README there describes.
  private struct Row: Decodable {
    let of: String
    let name: String
    let swift: String
  }

  private static let clients = URL(fileURLWithPath: #filePath)
    .appendingPathComponent("../../../..").standardizedFileURL
  private let rows = Result {
    try JSONDecoder().decode(
      [Row].self, from: Data(contentsOf: clients.appendingPathComponent("testdata/names.json"))
    ).filter { !$0.swift.isEmpty }
  }
  /// What is written by hand.
  private let source = Result {
    let folder = clients.appendingPathComponent("swift/Sources")
    return try FileManager.default.subpathsOfDirectory(atPath: folder.path)
      .filter { $0.hasSuffix(".swift") && !$0.contains("/Generated/") }.sorted()
      .map { try String(contentsOf: folder.appendingPathComponent($0), encoding: .utf8) }
      .joined(separator: "\n")
  }

  private lazy var calls = Result { try methods() }

  func testWhatTheTableNamesIsHere() throws {
    let rows = try rows.get()
    XCTAssertGreaterThan(rows.count, 110)
    for row in rows {
      XCTAssertTrue(try isHere(row), "there is no \(row.of) \(row.swift) for \(row.name)")
    }
  }

  func testWhatIsHereIsInTheTable() throws {
    let rows = try rows.get()
    let cases = #"^ *(?:case|public static let) `?(\w+)"#
    func missing(_ of: String, _ pattern: String, in path: [String]) throws -> [String] {
      let here = found(pattern, in: try members(of: path)).map {
        (path + [$0]).joined(separator: ".")
      }
      XCTAssertGreaterThan(here.count, 5, of)
      return here.filter { name in !rows.contains { $0.of == of && $0.swift == name } }
    }
    XCTAssertEqual(try missing("kind", cases, in: ["APIError", "Kind"]), [])
    XCTAssertEqual(try missing("event", cases, in: ["SessionEvent"]), [])
    let reasons = #"public static let (\w+): Reason ="#
    XCTAssertEqual(try missing("reason", reasons, in: ["APIError", "Reason"]), [])
    XCTAssertEqual(try missing("predicate", #"public var (is[A-Z]\w+)"#, in: ["APIError"]), [])
    let calls = try calls.get()
    XCTAssertGreaterThan(calls.count, 55)
    XCTAssertEqual(
      calls.filter { call in !rows.contains { $0.of == "call" && $0.swift == call } }, [])
  }

  private func isHere(_ row: Row) throws -> Bool {
    var path = row.swift.split(separator: ".").map(String.init)
    let member = path.removeLast()
    switch row.of {
    case "kind":
      let value = member == row.name ? "" : " = \"\(row.name)\""
      return has("^ *case `?\(member)`?\(value)$", in: try members(of: path))
    case "reason" where path.isEmpty:
      let source = try source.get()
      return row.name == member && has("\"\(member)\"", in: source)
    case "reason":
      return has("static let \(member): \\w+ = \"\(row.name)\"$", in: try members(of: path))
    case "event":
      let text = try members(of: path)
      return camel(row.name) == member && has("^ *case \(member)\\b", in: text)
    case "call" where row.swift.first?.isLowercase == true:
      return try calls.get().contains(row.swift)
    default:
      // A parameter is named behind its function.
      if let function = path.last, function.first?.isLowercase == true {
        let text = try members(of: path.dropLast())
        return has("\\b\(function)(<[^>]*>)?\\([^{]*\\b\(member)\\b", in: text)
      }
      let text = try members(of: path)
      let kinds = "case|let|var|func|struct|class|enum|protocol|typealias"
      return has("^ *(\\w+ )*(\(kinds)) `?\(member)\\b", in: text)
        || has("\\b\(member)\(member == "init" ? "\\(" : ":")", in: text)
    }
  }

  /// Returns the methods of a client's services, such as `users.get`.
  private func methods() throws -> Set<String> {
    var names: Set<String> = []
    let client = try members(of: ["OpenWearablesClient"])
    for service in found(#"^  public let (\w+): [A-Z]\w+$"#, in: client) {
      let type = found("^  public let \(service): (\\w+)$", in: client)[0]
      for method in found(#"^  public func (\w+)"#, in: try members(of: [type])) {
        names.insert("\(service).\(method)")
      }
    }
    return names
  }

  /// Returns the text of a type with its extensions, the whole source for no type.
  private func members(of path: [String]) throws -> String {
    let source = try source.get()
    guard let type = path.last else { return source }
    let nested = blocks(of: type, in: try members(of: path.dropLast()))
    let apart = path.count > 1 ? blocks(of: path.joined(separator: "."), in: source) : []
    return (nested + apart).joined(separator: "\n")
  }

  private func blocks(of type: String, in text: String) -> [String] {
    let name = NSRegularExpression.escapedPattern(for: type)
    let kinds = "struct|class|enum|protocol|actor|extension"
    return ["", "  ", "    "].flatMap { indent in
      found(
        "(^\(indent)(?:\\w+ )*(?:\(kinds)) \(name)\\b(?!\\.)[\\s\\S]*?^\(indent)\\})", in: text)
    }
  }

  private func camel(_ name: String) -> String {
    let words = name.split(separator: "_")
    return words.dropFirst().reduce(String(words[0])) { $0 + $1.capitalized }
  }

  private func has(_ pattern: String, in text: String) -> Bool {
    text.range(of: "(?m)" + pattern, options: .regularExpression) != nil
  }

  /// Returns the first group of each match.
  private func found(_ pattern: String, in text: String) -> [String] {
    guard let regex = try? NSRegularExpression(pattern: pattern, options: .anchorsMatchLines)
    else { return [] }
    return regex.matches(in: text, range: NSRange(text.startIndex..., in: text))
      .compactMap { Range($0.range(at: 1), in: text).map { String(text[$0]) } }
  }
}

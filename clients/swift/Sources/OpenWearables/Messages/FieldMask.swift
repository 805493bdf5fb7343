import Foundation

extension Protobuf {
  /// `google.protobuf.FieldMask`: names of fields, as the schema spells them:
  /// `["first_name", "email"]`.
  public struct FieldMask: WellKnownMessage, OtherValue, ExpressibleByArrayLiteral {
    public static let messageName = "google.protobuf.FieldMask"

    public var paths: [String]

    public init(paths: [String] = []) {
      self.paths = paths
    }

    public init() {
      self.init(paths: [])
    }

    public init(arrayLiteral elements: String...) {
      self.init(paths: elements)
    }

    public init(from decoder: any Decoder) throws {
      let text = try decoder.scalar(String.self)
        .trimmingCharacters(in: .whitespaces)
      guard !text.isEmpty else {
        self.init()
        return
      }
      let paths = text.split(separator: ",", omittingEmptySubsequences: false).map(String.init)
      guard paths.allSatisfy({ !$0.contains("_") && Self.isPath(Self.snakeCase($0)) }) else {
        throw MessageError(.format, at: decoder.codingPath)
      }
      self.init(paths: paths.map(Self.snakeCase))
    }

    /// Throws if the JSON form of a path would be read as another path.
    public func encode(to encoder: any Encoder) throws {
      let names = paths.map(Self.camelCase)
      guard paths.allSatisfy(Self.isPath), names.map(Self.snakeCase) == paths else {
        throw MessageError(.format, at: encoder.codingPath)
      }
      try encoder.writeScalar(names.joined(separator: ","))
    }

    private static func isPath(_ path: String) -> Bool {
      path.split(separator: ".", omittingEmptySubsequences: false).allSatisfy { name in
        name.first?.isNumber == false
          && name.allSatisfy { $0.isASCII && ($0.isLetter || $0.isNumber || $0 == "_") }
      }
    }

    private static func snakeCase(_ name: String) -> String {
      name.reduce(into: "") { text, letter in
        text += letter.isASCII && letter.isUppercase ? "_" + letter.lowercased() : String(letter)
      }
    }

    private static func camelCase(_ name: String) -> String {
      var upper = false
      return name.reduce(into: "") { text, letter in
        if letter != "_" { text += upper ? letter.uppercased() : String(letter) }
        upper = letter == "_"
      }
    }
  }
}

import Foundation

extension Protobuf {
  /// `google.protobuf.FieldMask`: names of fields, as the schema spells them:
  /// `["first_name", "email"]`.
  public struct FieldMask: WellKnownMessage, OtherValue, ExpressibleByArrayLiteral {
    public static let table = MessageTable(
      "google.protobuf.FieldMask", whole: Whole<FieldMask>.self)

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
      let text = try decoder.scalar(String.self).trimmingCharacters(in: .whitespaces)
      guard !text.isEmpty else {
        self.init()
        return
      }
      var paths: [String] = []
      for name in text.components(separatedBy: ",") {
        guard let path = Self.snakeCase(Array(name.utf8)), Self.isPath(path) else {
          throw MessageError(.format, at: decoder.codingPath)
        }
        paths.append(String(decoding: path, as: UTF8.self))
      }
      self.init(paths: paths)
    }

    /// Throws if the JSON form of a path would be read as another path.
    public func encode(to encoder: any Encoder) throws {
      var names: [UInt8] = []
      for path in paths {
        let path = Array(path.utf8)
        let name = Self.camelCase(path)
        guard Self.isPath(path), Self.snakeCase(name) == path else {
          throw MessageError(.format, at: encoder.codingPath)
        }
        if !names.isEmpty { names.append(UInt8(ascii: ",")) }
        names += name
      }
      try encoder.writeScalar(String(decoding: names, as: UTF8.self))
    }

    /// Whether a path is made of names, with a point between two.
    private static func isPath(_ path: [UInt8]) -> Bool {
      var begins = true
      for byte in path {
        switch byte {
        case UInt8(ascii: "."):
          if begins { return false }
          begins = true
          continue
        case UInt8(ascii: "0")...UInt8(ascii: "9"): if begins { return false }
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"): break
        case underscore: break
        default: return false
        }
        begins = false
      }
      return !begins
    }

    /// Returns nil if the name has an underscore, which JSON's form has not.
    private static func snakeCase(_ name: [UInt8]) -> [UInt8]? {
      var path: [UInt8] = []
      for byte in name {
        switch byte {
        case underscore: return nil
        case UInt8(ascii: "A")...UInt8(ascii: "Z"): path += [underscore, byte | 0x20]
        default: path.append(byte)
        }
      }
      return path
    }

    private static func camelCase(_ path: [UInt8]) -> [UInt8] {
      var name: [UInt8] = []
      var isUpper = false
      for byte in path {
        if byte != underscore {
          let isLetter = (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(byte)
          name.append(isUpper && isLetter ? byte & 0xdf : byte)
        }
        isUpper = byte == underscore
      }
      return name
    }

    private static let underscore = UInt8(ascii: "_")
  }
}

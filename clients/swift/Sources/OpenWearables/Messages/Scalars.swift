import Foundation

extension Bool: ScalarValue {
  public var isFieldDefault: Bool { !self }

  public static func read(from decoder: any Decoder) throws -> Bool? {
    try decoder.scalar(Bool.self)
  }

  public func write(to encoder: any Encoder) throws {
    try encoder.writeScalar(self)
  }
}

extension String: ScalarValue {
  public var isFieldDefault: Bool { isEmpty }

  public static func read(from decoder: any Decoder) throws -> String? {
    try decoder.scalar(String.self)
  }

  public func write(to encoder: any Encoder) throws {
    try encoder.writeScalar(self)
  }
}

/// Written as base64; read in both alphabets, padded or not.
extension Data: ScalarValue {
  public var isFieldDefault: Bool { isEmpty }

  public static func read(from decoder: any Decoder) throws -> Data? {
    var text = try decoder.scalar(String.self)
    if text.contains(where: { $0 == "-" || $0 == "_" }) {
      guard !text.contains(where: { $0 == "+" || $0 == "/" }) else {
        throw MessageError(.format, at: decoder.codingPath)
      }
      text = text.replacingOccurrences(of: "-", with: "+").replacingOccurrences(of: "_", with: "/")
    }
    if text.utf8.count % 4 != 0 {
      guard !text.contains("="), text.utf8.count % 4 != 1 else {
        throw MessageError(.format, at: decoder.codingPath)
      }
      text += String(repeating: "=", count: 4 - text.utf8.count % 4)
    }
    guard let data = Data(base64Encoded: text) else {
      throw MessageError(.format, at: decoder.codingPath)
    }
    return data
  }

  public func write(to encoder: any Encoder) throws {
    try encoder.writeScalar(base64EncodedString())
  }
}

extension ScalarValue where Self: FixedWidthInteger & Codable {
  public var isFieldDefault: Bool { self == 0 }

  /// Reads a number, or a string that contains one, if it is exactly an integer of this
  /// type, as `1e3` and `1.0` are.
  public static func read(from decoder: any Decoder) throws -> Self? {
    let value = try decoder.singleValueContainer()
    if let number = try? value.decode(Self.self) { return number }
    let text: String
    if let string = try? value.decode(String.self) {
      text = string
    } else if let decimal = try? value.decode(Decimal.self) {
      text = decimal.description
    } else {
      throw MessageError(.type, at: decoder.codingPath)
    }
    guard let number = DecimalText(text) else {
      throw MessageError(.format, at: decoder.codingPath)
    }
    guard let integer = number.exactly(Self.self) else {
      throw MessageError(.range, at: decoder.codingPath)
    }
    return integer
  }

  /// Writes 32 bits as a number and 64 bits as a string.
  public func write(to encoder: any Encoder) throws {
    if Self.bitWidth > 32 {
      try encoder.writeScalar(String(self))
    } else {
      try encoder.writeScalar(self)
    }
  }
}

/// An integer that is an `Int` in Swift.
public protocol PlainInteger: ScalarValue, FixedWidthInteger where Plain == Int {}

extension PlainInteger {
  public init(plain: Int) throws {
    guard let value = Self(exactly: plain) else { throw MessageError(.range) }
    self = value
  }

  public var plain: Int { Int(self) }
}

extension Int32: PlainInteger {}
extension Int64: PlainInteger {}
extension UInt32: PlainInteger {}
extension UInt64: ScalarValue {}

extension ScalarValue where Self: BinaryFloatingPoint & LosslessStringConvertible & Codable {
  /// Minus zero is not the default.
  public var isFieldDefault: Bool { self == 0 && sign == .plus }

  /// Reads a number, a string that contains one, `NaN`, `Infinity` or `-Infinity`.
  public static func read(from decoder: any Decoder) throws -> Self? {
    let value = try decoder.singleValueContainer()
    let number: Self?
    if let text = try? value.decode(String.self) {
      switch text {
      case "NaN": return .nan
      case "Infinity": return .infinity
      case "-Infinity": return -.infinity
      default: break
      }
      guard DecimalText(text) != nil else { throw MessageError(.format, at: decoder.codingPath) }
      number = Self(text)
    } else if let decoded = try? value.decode(Self.self) {
      number = decoded
    } else if let wider = try? value.decode(Double.self) {
      number = Self(wider)
    } else if let decimal = try? value.decode(Decimal.self) {
      number = Self(decimal.description)
    } else {
      throw MessageError(.type, at: decoder.codingPath)
    }
    guard let number, number.isFinite else { throw MessageError(.range, at: decoder.codingPath) }
    return number
  }

  public func write(to encoder: any Encoder) throws {
    if isNaN {
      try encoder.writeScalar("NaN")
    } else if isInfinite {
      try encoder.writeScalar(sign == .minus ? "-Infinity" : "Infinity")
    } else {
      try encoder.writeScalar(self)
    }
  }
}

extension Float: ScalarValue {}
extension Double: ScalarValue {}

extension Decoder {
  /// Reads a value of exactly this JSON type.
  func scalar<Value: Decodable>(_ type: Value.Type) throws -> Value {
    guard let value = try? singleValueContainer().decode(type) else {
      throw MessageError(.type, at: codingPath)
    }
    return value
  }
}

extension Encoder {
  func writeScalar(_ value: some Encodable) throws {
    var container = singleValueContainer()
    try container.encode(value)
  }
}

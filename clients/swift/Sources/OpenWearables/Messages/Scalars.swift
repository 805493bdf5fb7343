import Foundation

extension Bool: ScalarValue {
  public static var initial: Bool { false }
  public static func slot(_ plain: Bool) -> Slot { Slot(.bool(plain)) }

  public static func plain(_ slot: Slot) -> Bool? {
    if case .bool(let value) = slot.content { value } else { nil }
  }
}

extension String: ScalarValue {
  public static var initial: String { "" }
  public static func slot(_ plain: String) -> Slot { Slot(.string(plain)) }

  public static func plain(_ slot: Slot) -> String? {
    if case .string(let value) = slot.content { value } else { nil }
  }
}

extension Double: ScalarValue {
  public static var initial: Double { 0 }
  public static func slot(_ plain: Double) -> Slot { Slot(.double(plain)) }

  public static func plain(_ slot: Slot) -> Double? {
    if case .double(let value) = slot.content { value } else { nil }
  }
}

/// An integer that is an `Int` in Swift.
public protocol PlainInteger: ScalarValue where Plain == Int {}

extension PlainInteger {
  public static var initial: Int { 0 }
  public static func slot(_ plain: Int) -> Slot { Slot(.int(plain)) }

  public static func plain(_ slot: Slot) -> Int? {
    if case .int(let value) = slot.content { value } else { nil }
  }
}

extension Int32: PlainInteger {}
extension Int64: PlainInteger {}
extension UInt32: PlainInteger {}

extension UInt64: ScalarValue, OtherValue {
  public static var initial: UInt64 { 0 }
  public var isFieldDefault: Bool { self == 0 }

  public static func read(from decoder: any Decoder) throws -> UInt64? {
    try decoder.number(UInt64.self)
  }

  public func write(to encoder: any Encoder) throws {
    try encoder.writeScalar(String(self))
  }
}

/// Written as base64; read in both alphabets, padded or not.
extension Data: ScalarValue, OtherValue {
  public static var initial: Data { Data() }
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

extension Float: ScalarValue, OtherValue {
  public static var initial: Float { 0 }

  /// Minus zero is not the default.
  public var isFieldDefault: Bool { self == 0 && sign == .plus }

  public static func read(from decoder: any Decoder) throws -> Float? {
    try Float(reading: decoder)
  }

  public func write(to encoder: any Encoder) throws { try writeNumber(to: encoder) }
}

extension BinaryFloatingPoint where Self: LosslessStringConvertible & Codable {
  /// Reads a number, a string that contains one, `NaN`, `Infinity` or `-Infinity`.
  @_semantics("optimize.sil.specialize.generic.never")
  init(reading decoder: any Decoder) throws {
    let value = try decoder.singleValueContainer()
    let number: Self?
    if let text = try? value.decode(String.self) {
      switch text {
      case "NaN":
        self = .nan
        return
      case "Infinity":
        self = .infinity
        return
      case "-Infinity":
        self = -.infinity
        return
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
    self = number
  }

  @_semantics("optimize.sil.specialize.generic.never")
  func writeNumber(to encoder: any Encoder) throws {
    if isNaN {
      try encoder.writeScalar("NaN")
    } else if isInfinite {
      try encoder.writeScalar(sign == .minus ? "-Infinity" : "Infinity")
    } else {
      try encoder.writeScalar(self)
    }
  }
}

extension Decoder {
  /// Reads a value of exactly this JSON type.
  func scalar<Value: Decodable>(_ type: Value.Type) throws -> Value {
    guard let value = try? singleValueContainer().decode(type) else {
      throw MessageError(.type, at: codingPath)
    }
    return value
  }
}

extension Decoder {
  /// Reads an integer in a range.
  func integer(in range: ClosedRange<Int>) throws -> Int {
    let value = try number(Int.self)
    guard range.contains(value) else { throw MessageError(.range, at: codingPath) }
    return value
  }

  /// Reads a number, or a string that contains one, if it is exactly an integer of this
  /// type, as `1e3` and `1.0` are.
  @_semantics("optimize.sil.specialize.generic.never")
  func number<Value: FixedWidthInteger & Decodable>(_ type: Value.Type) throws -> Value {
    let value = try singleValueContainer()
    if let number = try? value.decode(type) { return number }
    let text: String
    if let string = try? value.decode(String.self) {
      text = string
    } else if let decimal = try? value.decode(Decimal.self) {
      text = decimal.description
    } else {
      throw MessageError(.type, at: codingPath)
    }
    guard let number = DecimalText(text) else { throw MessageError(.format, at: codingPath) }
    guard let integer = number.exactly(type) else { throw MessageError(.range, at: codingPath) }
    return integer
  }
}

extension Encoder {
  func writeScalar(_ value: some Encodable) throws {
    var container = singleValueContainer()
    try container.encode(value)
  }
}

/// A number as JSON spells it (RFC 8259 section 6), without loss: sign, digits, power of ten.
struct DecimalText {
  private let negative: Bool
  private let digits: [UInt8]
  private let exponent: Int

  /// Returns nil unless the whole text is a number.
  init?(_ text: String) {
    var rest = Substring(text).utf8[...]
    negative = rest.first == UInt8(ascii: "-")
    if negative { rest.removeFirst() }

    var digits = Self.takeDigits(&rest)
    guard digits.count == 1 || digits.first.map({ $0 != UInt8(ascii: "0") }) == true else {
      return nil
    }
    var fraction: [UInt8] = []
    if rest.first == UInt8(ascii: ".") {
      rest.removeFirst()
      fraction = Self.takeDigits(&rest)
      guard !fraction.isEmpty else { return nil }
    }
    var power = 0
    if rest.first == UInt8(ascii: "e") || rest.first == UInt8(ascii: "E") {
      rest.removeFirst()
      guard let value = Int(String(Substring(rest))), abs(value) <= Int(Int32.max) else {
        return nil
      }
      power = value
      rest = rest[rest.endIndex...]
    }
    guard rest.isEmpty else { return nil }

    digits = Array((digits + fraction).drop { $0 == UInt8(ascii: "0") })
    var exponent = power - fraction.count
    while digits.last == UInt8(ascii: "0") {
      digits.removeLast()
      exponent += 1
    }
    self.digits = digits
    self.exponent = exponent
  }

  /// Returns the number as an integer; nil if it is not one or does not fit.
  func exactly<Integer: FixedWidthInteger>(_ type: Integer.Type) -> Integer? {
    guard !digits.isEmpty else { return 0 }
    guard exponent >= 0, digits.count + exponent <= 20 else { return nil }
    let text = digits + Array(repeating: UInt8(ascii: "0"), count: exponent)
    return Integer((negative ? "-" : "") + String(decoding: text, as: UTF8.self))
  }

  private static func takeDigits(_ rest: inout Substring.UTF8View.SubSequence) -> [UInt8] {
    let digits = rest.prefix(while: \.isDigit)
    rest = rest[digits.endIndex...]
    return Array(digits)
  }
}

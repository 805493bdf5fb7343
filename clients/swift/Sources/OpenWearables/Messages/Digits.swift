extension UInt8 {
  /// Whether it is a decimal digit of ASCII.
  var isDigit: Bool { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(self) }
}

/// Reads decimal digits; nil if there is any other character.
func integer(_ text: ArraySlice<UInt8>) -> Int64? {
  guard text.allSatisfy(\.isDigit) else { return nil }
  return Int(String(decoding: text, as: UTF8.self)).map(Int64.init)
}

/// Reads 1 to 9 digits after a decimal point as nanoseconds.
func nanoseconds(_ text: ArraySlice<UInt8>) -> Int32? {
  guard text.count <= 9, var value = integer(text) else { return nil }
  for _ in text.count..<9 { value *= 10 }
  return Int32(value)
}

/// Writes nanoseconds as a point and 3, 6 or 9 digits; zero as nothing.
func fraction(nanos: Int32) -> String {
  switch nanos {
  case 0: return ""
  case _ where nanos % 1_000_000 == 0: return "." + digits(Int64(nanos / 1_000_000), 3)
  case _ where nanos % 1000 == 0: return "." + digits(Int64(nanos / 1000), 6)
  default: return "." + digits(Int64(nanos), 9)
  }
}

/// Writes a number with at least `count` digits.
func digits(_ value: Int64, _ count: Int) -> String {
  let text = String(value)
  return String(repeating: "0", count: max(0, count - text.count)) + text
}

/// Splits an interval into whole seconds, rounded by `rule`, and the remaining nanoseconds.
/// The interval is clamped to `range`; NaN is zero.
func split(
  _ interval: Double, _ rule: FloatingPointRoundingRule, within range: ClosedRange<Int64>
) -> (seconds: Int64, nanos: Int32) {
  guard !interval.isNaN else { return (0, 0) }
  let bounded = min(max(interval, Double(range.lowerBound)), Double(range.upperBound))
  let whole = bounded.rounded(rule)
  let nanos = Int64(((bounded - whole) * 1e9).rounded())
  return (Int64(whole) + nanos / 1_000_000_000, Int32(nanos % 1_000_000_000))
}

extension UInt8 {
  /// Whether it is a decimal digit of ASCII.
  var isDigit: Bool { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(self) }
}

/// The number that decimal digits, and nothing but digits, write.
func integer(_ text: ArraySlice<UInt8>) -> Int64? {
  guard text.allSatisfy(\.isDigit) else { return nil }
  return Int64(String(decoding: text, as: UTF8.self))
}

/// The nanoseconds that 1 to 9 digits behind a point write.
func nanoseconds(_ text: ArraySlice<UInt8>) -> Int32? {
  guard text.count <= 9, var value = integer(text) else { return nil }
  for _ in text.count..<9 { value *= 10 }
  return Int32(value)
}

/// Nanoseconds as 0, 3, 6 or 9 digits behind a point.
func fraction(nanos: Int32) -> String {
  switch nanos {
  case 0: return ""
  case _ where nanos % 1_000_000 == 0: return "." + digits(Int64(nanos / 1_000_000), 3)
  case _ where nanos % 1000 == 0: return "." + digits(Int64(nanos / 1000), 6)
  default: return "." + digits(Int64(nanos), 9)
  }
}

/// A number in at least so many digits.
func digits(_ value: Int64, _ count: Int) -> String {
  let text = String(value)
  return String(repeating: "0", count: max(0, count - text.count)) + text
}

/// An interval as whole seconds, rounded as told, and the nanoseconds that remain; brought within
/// the range, and zero for what is not a number.
func split(
  _ interval: Double, _ rule: FloatingPointRoundingRule, within range: ClosedRange<Int64>
) -> (seconds: Int64, nanos: Int32) {
  guard !interval.isNaN else { return (0, 0) }
  let bounded = min(max(interval, Double(range.lowerBound)), Double(range.upperBound))
  let whole = bounded.rounded(rule)
  let nanos = Int64(((bounded - whole) * 1e9).rounded())
  return (Int64(whole) + nanos / 1_000_000_000, Int32(nanos % 1_000_000_000))
}

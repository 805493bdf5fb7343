import Foundation

extension Protobuf {
  /// `google.protobuf.Duration`: a span in nanoseconds of up to 10000 years. In JSON it is
  /// the seconds with an `s`, such as `1.500s`.
  public struct Duration: WellKnownMessage, OtherValue, Comparable {
    public static let table = MessageTable("google.protobuf.Duration", whole: Whole<Duration>.self)

    public var seconds: Int64
    /// Of the same sign as `seconds`, or zero; less than a second.
    public var nanos: Int32

    public init(seconds: Int64, nanos: Int32 = 0) {
      self.seconds = seconds
      self.nanos = nanos
    }

    public init() {
      self.init(seconds: 0)
    }

    /// Rounds the interval to a nanosecond and clamps it to the range of a duration.
    public init(_ interval: TimeInterval) {
      let (seconds, nanos) = split(interval, .towardZero, within: Self.range)
      self.init(seconds: seconds, nanos: nanos)
    }

    public var timeInterval: TimeInterval {
      Double(seconds) + Double(nanos) / 1e9
    }

    public static func < (a: Duration, b: Duration) -> Bool {
      (a.seconds, a.nanos) < (b.seconds, b.nanos)
    }

    static let range: ClosedRange<Int64> = -315_576_000_000...315_576_000_000

    public init(from decoder: any Decoder) throws {
      guard let parsed = Self.parse(try decoder.scalar(String.self)) else {
        throw MessageError(.format, at: decoder.codingPath)
      }
      guard Self.range.contains(parsed.seconds) else {
        throw MessageError(.range, at: decoder.codingPath)
      }
      self = parsed
    }

    public func encode(to encoder: any Encoder) throws {
      guard Self.range.contains(seconds), (-999_999_999...999_999_999).contains(nanos),
        seconds == 0 || nanos == 0 || (seconds < 0) == (nanos < 0)
      else { throw MessageError(.range, at: encoder.codingPath) }
      let sign = seconds < 0 || nanos < 0 ? "-" : ""
      try encoder.writeScalar("\(sign)\(seconds.magnitude)\(fraction(nanos: abs(nanos)))s")
    }

    /// Reads an optional sign, digits, an optional fraction of up to 9 digits, and `s`. The
    /// digits on one side of the point may be missing, not on both.
    private static func parse(_ text: String) -> Duration? {
      var rest = Array(text.utf8)[...]
      guard rest.popLast() == UInt8(ascii: "s") else { return nil }
      let negative = rest.first == UInt8(ascii: "-")
      if negative || rest.first == UInt8(ascii: "+") { rest.removeFirst() }
      let point = rest.firstIndex(of: UInt8(ascii: "."))
      let whole = rest[..<(point ?? rest.endIndex)]
      let part = rest[(point.map { $0 + 1 } ?? rest.endIndex)...]
      guard !rest.isEmpty, rest.count > 1 || point == nil,
        whole.count < 2 || whole.first != UInt8(ascii: "0"),
        let seconds = whole.isEmpty ? 0 : integer(whole),
        let nanos = part.isEmpty ? 0 : nanoseconds(part)
      else { return nil }
      return negative
        ? Duration(seconds: -seconds, nanos: -nanos) : Duration(seconds: seconds, nanos: nanos)
    }
  }
}

import Foundation

extension Protobuf {
  /// `google.protobuf.Timestamp`: an instant in nanoseconds, from the year 1 to the year
  /// 9999. In JSON it is an RFC 3339 string.
  public struct Timestamp: WellKnownMessage, ScalarValue, Comparable {
    public static let table = MessageTable(
      "google.protobuf.Timestamp", whole: Whole<Timestamp>.self)

    /// Seconds since 1970-01-01T00:00:00Z.
    public var seconds: Int64
    /// Nanoseconds of that second, 0 to 999999999. They count forward before 1970 too.
    public var nanos: Int32

    public init(seconds: Int64, nanos: Int32 = 0) {
      self.seconds = seconds
      self.nanos = nanos
    }

    public init() {
      self.init(seconds: 0)
    }

    /// Rounds the date to a microsecond, which a `Date` of this century holds and the server
    /// keeps. A date out of range becomes the first or the last second.
    public init(_ date: Date) { self.init(date, .toNearestOrEven) }

    /// Rounds the date to a microsecond by `rule`. A microsecond that the date holds as well
    /// as it can is kept.
    @usableFromInline init(_ date: Date, _ rule: FloatingPointRoundingRule) {
      let noise = 0.125  // microseconds that a date of this century may be off
      let offset = date.timeIntervalSinceReferenceDate  // more exact than since 1970
      let whole = offset.rounded(.down)
      var micros = (offset - whole) * 1e6
      switch rule {
      case .down: micros = (micros + noise).rounded(.down)
      case .up: micros = (micros - noise).rounded(.up)
      default: micros.round()
      }
      let (seconds, nanos) = split(
        whole + Date.timeIntervalBetween1970AndReferenceDate, .down, within: Self.range)
      guard nanos == 0, micros > 0, Self.range.contains(seconds), offset - whole < 1 else {
        self.init(seconds: seconds, nanos: nanos)
        return
      }
      let carry = Int64(micros) / 1_000_000
      self.init(
        seconds: min(seconds + carry, Self.range.upperBound),
        nanos: Int32(Int64(micros) % 1_000_000 * 1000))
    }

    /// The instant as a `Date`, which holds about 100 ns of precision in this century.
    public var date: Date {
      Date(timeIntervalSince1970: Double(seconds) + Double(nanos) / 1e9)
    }

    public static func < (a: Timestamp, b: Timestamp) -> Bool {
      (a.seconds, a.nanos) < (b.seconds, b.nanos)
    }

    /// A field of this type is a `Date` in Swift.
    public static var initial: Date { beginning }
    public static func slot(_ plain: Date) -> Slot { Slot(.time(plain)) }

    public static func plain(_ slot: Slot) -> Date? {
      if case .time(let value) = slot.content { value } else { nil }
    }

    init(plain: Date, at path: [any CodingKey]) throws {
      let seconds = plain.timeIntervalSince1970.rounded(.down)
      guard plain.timeIntervalSinceReferenceDate.isFinite,
        Double(Self.range.lowerBound)...Double(Self.range.upperBound) ~= seconds
      else { throw MessageError(.range, at: path) }
      self.init(plain)
    }

    var plain: Date {
      min(date, Date(timeIntervalSince1970: TimeInterval(Self.range.upperBound)))  // rounded up
    }

    static let range: ClosedRange<Int64> = -62_135_596_800...253_402_300_799

    public init(from decoder: any Decoder) throws {
      guard let parsed = Self.parse(Array(try decoder.scalar(String.self).utf8)) else {
        throw MessageError(.format, at: decoder.codingPath)
      }
      guard Self.range.contains(parsed.seconds) else {
        throw MessageError(.range, at: decoder.codingPath)
      }
      self = parsed
    }

    public func encode(to encoder: any Encoder) throws {
      guard Self.range.contains(seconds), (0..<1_000_000_000).contains(nanos) else {
        throw MessageError(.range, at: encoder.codingPath)
      }
      try encoder.writeScalar(text)
    }
  }
}

extension Protobuf.Timestamp {
  /// RFC 3339 in UTC with 0, 3, 6 or 9 digits after the second.
  @usableFromInline var text: String {
    let (days, time) = seconds.flooredDivision(by: 86_400)
    let (year, month, day) = Self.civil(days)
    let date = "\(digits(year, 4))-\(digits(month, 2))-\(digits(day, 2))"
    let clock = "\(digits(time / 3600, 2)):\(digits(time / 60 % 60, 2)):\(digits(time % 60, 2))"
    return "\(date)T\(clock)\(fraction(nanos: nanos))Z"
  }

  /// Reads `2006-01-02T15:04:05[.1 to 9 digits](Z|+07:00)`; nil for anything else,
  /// including a day that the month does not have and the second 60.
  private static func parse(_ text: [UInt8]) -> Self? {
    guard text.count >= 20, separators.allSatisfy({ text[$0.key] == $0.value }),
      let year = integer(text[0..<4]), let month = integer(text[5..<7]),
      let day = integer(text[8..<10]), let hour = integer(text[11..<13]),
      let minute = integer(text[14..<16]), let second = integer(text[17..<19]),
      (1...12).contains(month), hour < 24, minute < 60, second < 60
    else { return nil }
    let days = Self.days(year, month, day)
    guard civil(days) == (year, month, day) else { return nil }

    var zone = text[19...]
    var nanos: Int32 = 0
    if zone.first == UInt8(ascii: ".") {
      let fraction = zone.dropFirst().prefix(while: \.isDigit)
      guard let value = nanoseconds(fraction) else { return nil }
      nanos = value
      zone = zone[fraction.endIndex...]
    }
    guard let offset = Self.offset(zone) else { return nil }
    return Self(
      seconds: days * 86_400 + hour * 3600 + minute * 60 + second - offset, nanos: nanos)
  }

  private static let separators: KeyValuePairs<Int, UInt8> = [
    4: UInt8(ascii: "-"), 7: UInt8(ascii: "-"), 10: UInt8(ascii: "T"), 13: UInt8(ascii: ":"),
    16: UInt8(ascii: ":"),
  ]

  private static func offset(_ zone: ArraySlice<UInt8>) -> Int64? {
    if zone.elementsEqual("Z".utf8) { return 0 }
    let zone = Array(zone)
    guard zone.count == 6, zone[3] == UInt8(ascii: ":"),
      zone[0] == UInt8(ascii: "+") || zone[0] == UInt8(ascii: "-"),
      let hours = integer(zone[1..<3]), let minutes = integer(zone[4..<6]), hours < 24, minutes < 60
    else { return nil }
    return (zone[0] == UInt8(ascii: "-") ? -1 : 1) * (hours * 3600 + minutes * 60)
  }

  /// Returns the days from 1970-01-01 to a day of the proleptic Gregorian calendar.
  private static func days(_ year: Int64, _ month: Int64, _ day: Int64) -> Int64 {
    let (era, yearOfEra) = (month > 2 ? year : year - 1).flooredDivision(by: 400)
    let dayOfYear = (153 * ((month + 9) % 12) + 2) / 5 + day - 1
    return era * 146_097 + yearOfEra * 365 + yearOfEra / 4 - yearOfEra / 100 + dayOfYear - 719_468
  }

  /// Returns the day of the proleptic Gregorian calendar from the days since 1970-01-01.
  private static func civil(_ days: Int64) -> (year: Int64, month: Int64, day: Int64) {
    let (era, day) = (days + 719_468).flooredDivision(by: 146_097)
    let yearOfEra = (day - day / 1460 + day / 36_524 - day / 146_096) / 365
    let dayOfYear = day - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
    let shifted = (5 * dayOfYear + 2) / 153
    let month = shifted < 10 ? shifted + 3 : shifted - 9
    return (
      yearOfEra + era * 400 + (month <= 2 ? 1 : 0), month, dayOfYear - (153 * shifted + 2) / 5 + 1
    )
  }
}

extension Int64 {
  fileprivate func flooredDivision(by divisor: Int64) -> (quotient: Int64, remainder: Int64) {
    let (quotient, remainder) = quotientAndRemainder(dividingBy: divisor)
    return remainder < 0 ? (quotient - 1, remainder + divisor) : (quotient, remainder)
  }
}

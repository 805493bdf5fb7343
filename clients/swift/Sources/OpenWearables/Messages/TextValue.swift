/// A text that has one of a few values. One that this version has no name for is kept as
/// `unrecognized`, so that a switch that handles it stays exhaustive whatever the server sends.
public protocol TextValue: ScalarValue, RawRepresentable, CustomStringConvertible
where RawValue == String {
  init(rawValue: String)
}

extension TextValue {
  public var isFieldDefault: Bool { rawValue.isEmpty }
  public var description: String { rawValue }

  public static func read(from decoder: any Decoder) throws -> Self? {
    Self(rawValue: try decoder.scalar(String.self))
  }

  public func write(to encoder: any Encoder) throws {
    try encoder.writeScalar(rawValue)
  }
}

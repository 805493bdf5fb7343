/// A protobuf enum. A number without a name is kept as `unrecognized`, so that a switch that handles
/// it stays exhaustive whatever the server sends.
public protocol EnumValue: ScalarValue, OtherValue, RawRepresentable where RawValue == Int32 {
  /// The values by the names of the schema; where two names share a number, the first is written.
  static var schemaNames: KeyValuePairs<String, Int32> { get }

  init(rawValue: Int32)
}

extension EnumValue {
  public static var initial: Self { Self(rawValue: 0) }
  public var isFieldDefault: Bool { rawValue == 0 }

  /// Reads a name or a number. An unknown name counts as absent.
  public static func read(from decoder: any Decoder) throws -> Self? {
    let value = try decoder.singleValueContainer()
    if let name = try? value.decode(String.self) {
      return schemaNames.first { $0.key == name }.map { Self(rawValue: $0.value) }
    }
    return Self(
      rawValue: Int32(try decoder.integer(in: Int(Int32.min)...Int(Int32.max))))
  }

  /// Writes the name, or the number if it has none.
  public func write(to encoder: any Encoder) throws {
    if let name = Self.schemaNames.first(where: { $0.value == rawValue })?.key {
      try encoder.writeScalar(name)
    } else {
      try encoder.writeScalar(rawValue)
    }
  }
}

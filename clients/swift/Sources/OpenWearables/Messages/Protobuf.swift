/// The types of `google/protobuf` that messages use.
public enum Protobuf {
  /// `google.protobuf.Empty`: a message without fields.
  public struct Empty: Message {
    public static let messageName = "google.protobuf.Empty"

    public init() {}

    public init(from decoder: any Decoder) throws {
      _ = try FieldReader(decoder)
    }

    public func encode(to encoder: any Encoder) throws {
      _ = FieldWriter(encoder)
    }
  }
}

/// A message whose JSON form is not an object of its fields.
protocol WellKnownMessage: Message {}

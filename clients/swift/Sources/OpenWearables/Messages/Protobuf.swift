/// The types of `google/protobuf` that messages use.
public enum Protobuf {
  /// `google.protobuf.Empty`: a message without fields.
  public struct Empty: Message {
    public static let messageName = "google.protobuf.Empty"

    public init() {}

    public init(from decoder: any Decoder) throws {
      guard (try? decoder.container(keyedBy: FieldKey.self)) != nil else {
        throw MessageError(.type, at: decoder.codingPath)
      }
    }

    public func encode(to encoder: any Encoder) throws {
      _ = encoder.container(keyedBy: FieldKey.self)
    }
  }
}

/// A message whose JSON form is not an object of its fields.
protocol WellKnownMessage: Message {}

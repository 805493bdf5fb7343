import Foundation

/// The types of `google/protobuf` that messages use.
public enum Protobuf {
  /// `google.protobuf.Empty`: a message without fields.
  public struct Empty: CodedMessage, OtherValue {
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
public protocol WellKnownMessage: CodedMessage {}

/// A message that is written by hand.
public protocol CodedMessage: Message, Codable, Hashable {}

extension CodedMessage {
  public init(jsonUTF8 data: Data) throws(MessageError) { self = try readJSON(Self.self, data) }

  public func jsonUTF8() throws(MessageError) -> Data { try writeJSON(self) }
}

extension OtherValue where Self: CodedMessage {
  public static func read(from decoder: any Decoder) throws -> Self? {
    try Self(from: decoder)
  }

  public func write(to encoder: any Encoder) throws {
    try encode(to: encoder)
  }
}

import Foundation

/// The types of `google/protobuf` that messages use.
public enum Protobuf {
  /// `google.protobuf.Empty`: a message without fields.
  public struct Empty: CodedMessage, OtherValue {
    public static let table = MessageTable("google.protobuf.Empty", whole: Whole<Empty>.self)

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
public protocol CodedMessage: Message, Codable, Hashable {
  init()
}

extension CodedMessage {
  public var slots: Slots { Slots(Self.table, [Whole.slot(Whole(message: self))]) }
  public init(slots: Slots) { self = slots[maybe: 0, Whole<Self>.self]?.message ?? Self() }
}

/// A message as the value of its only slot.
struct Whole<Content: CodedMessage>: OtherValue {
  let message: Content

  static func read(from decoder: any Decoder) throws -> Whole? {
    Whole(message: try Content(from: decoder))
  }

  func write(to encoder: any Encoder) throws { try message.encode(to: encoder) }
}

extension OtherValue where Self: CodedMessage {
  public static func read(from decoder: any Decoder) throws -> Self? {
    try Self(from: decoder)
  }

  public func write(to encoder: any Encoder) throws {
    try encode(to: encoder)
  }
}

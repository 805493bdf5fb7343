import Foundation

/// A protobuf message in its JSON form (https://protobuf.dev/programming-guides/json): unknown
/// fields are ignored, null is the default, defaults are left out.
///
/// The objects of the API are `Codable` too, in the same form and with any coder.
///
/// Its values are in slots, and a table names them, by which all messages are read, written,
/// compared and shown by the same code. That code is compiled once and not for each message,
/// and the properties of a message only where they are used, which keeps apps small.
public protocol Message: Sendable {
  static var table: MessageTable { get }
  var slots: Slots { get }
  init(slots: Slots)
}

/// A message that no call takes or returns, but a part of one: an object of the API.
public typealias GeneratedObject = MessageObject & Codable & Hashable & CustomReflectable

/// What an object of the API does as every other does.
public protocol MessageObject: Message {}

extension Message {
  /// The full name in the schema, such as `openwearables.v1.User`.
  public static var messageName: String { table.name }

  /// A message with every field at its default, to be filled.
  @_semantics("optimize.sil.specialize.generic.never")
  public init(defaults: Void) {
    self.init(slots: Slots(Self.table))
  }

  /// Reads a message. No error contains a value.
  @_semantics("optimize.sil.specialize.generic.never")
  public init(jsonUTF8 data: Data) throws(MessageError) {
    self.init(slots: try readJSON(Fields<Self>.self, data).slots)
  }

  /// Writes a message, its members sorted by name. No error contains a value.
  @_semantics("optimize.sil.specialize.generic.never")
  public func jsonUTF8() throws(MessageError) -> Data { try writeJSON(slots) }

  /// The slots, to be changed in place.
  public var editable: Slots {
    get { slots }
    @_semantics("optimize.sil.specialize.generic.never")
    _modify {
      var edited = slots
      self = Self(slots: .none)  // nobody else has them meanwhile
      defer { self = Self(slots: edited) }
      yield &edited
    }
  }
}

/// The fields of a message, as they are read.
private struct Fields<Content: Message>: Decodable {
  let slots: Slots

  @_semantics("optimize.sil.specialize.generic.never")
  init(from decoder: any Decoder) throws { slots = try Slots(Content.table, from: decoder) }
}

extension MessageObject {
  @_semantics("optimize.sil.specialize.generic.never")
  public init(from decoder: any Decoder) throws {
    self.init(slots: try Slots(Self.table, from: decoder))
  }

  @_semantics("optimize.sil.specialize.generic.never")
  public func encode(to encoder: any Encoder) throws { try slots.encode(to: encoder) }

  @_semantics("optimize.sil.specialize.generic.never")
  public static func == (a: Self, b: Self) -> Bool { a.slots == b.slots }

  @_semantics("optimize.sil.specialize.generic.never")
  public func hash(into hasher: inout Hasher) { slots.hash(into: &hasher) }

  @_semantics("optimize.sil.specialize.generic.never")
  public var hashValue: Int { slots._rawHashValue(seed: 0) }
}

extension MessageObject where Self: Hashable {
  /// What the standard library calls; its own is compiled for each message.
  @_semantics("optimize.sil.specialize.generic.never")
  public func _rawHashValue(seed: Int) -> Int { slots._rawHashValue(seed: seed) }
}

extension Message where Self: CustomReflectable {
  /// Shows every field, and of a secret only whether it is set.
  @_semantics("optimize.sil.specialize.generic.never")
  public var customMirror: Mirror {
    Mirror(self, children: slots.shown, displayStyle: .struct)
  }
}

@_semantics("optimize.sil.specialize.generic.never")
@usableFromInline func readJSON<Value: Decodable>(_ type: Value.Type, _ data: Data)
  throws(MessageError) -> Value
{
  do { return try JSONDecoder().decode(type, from: data) } catch { throw MessageError(error) }
}

@usableFromInline func writeJSON(_ value: any Encodable) throws(MessageError) -> Data {
  do {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    return try encoder.encode(value)
  } catch { throw MessageError(error) }
}

import Foundation

/// A message that the generator writes: its values are in slots, and a table names them, by
/// which all messages are read, written, compared and shown by the same code.
///
/// That code is compiled once and not for each message, and the properties of a message only
/// where they are used, which keeps apps small.
public protocol GeneratedMessage: Message {
  static var table: MessageTable { get }
  var slots: Slots { get }
  init(slots: Slots)
}

/// A message that no call takes or returns, but a part of one: an object of the API.
public typealias GeneratedObject = GeneratedMessage & Codable & Hashable & CustomReflectable

extension GeneratedMessage {
  /// A message with every field at its default, to be filled.
  @_semantics("optimize.sil.specialize.generic.never")
  public init(defaults: Void) {
    self.init(slots: Slots(Self.table))
  }

  public static var messageName: String { table.name }

  @_semantics("optimize.sil.specialize.generic.never")
  public init(jsonUTF8 data: Data) throws(MessageError) {
    self.init(slots: try Slots(Self.table, json: data))
  }

  @_semantics("optimize.sil.specialize.generic.never")
  public func jsonUTF8() throws(MessageError) -> Data { try writeJSON(slots) }
}

extension GeneratedMessage where Self: Codable {
  @_semantics("optimize.sil.specialize.generic.never")
  public init(from decoder: any Decoder) throws {
    self.init(slots: Slots(Self.table, try Self.table.read(from: decoder)))
  }

  @_semantics("optimize.sil.specialize.generic.never")
  public func encode(to encoder: any Encoder) throws { try slots.encode(to: encoder) }
}

extension GeneratedMessage where Self: Hashable {
  @_semantics("optimize.sil.specialize.generic.never")
  public static func == (a: Self, b: Self) -> Bool { a.slots == b.slots }

  @_semantics("optimize.sil.specialize.generic.never")
  public func hash(into hasher: inout Hasher) { hasher.combine(slots) }

  public var hashValue: Int {
    _rawHashValue(seed: 0)
  }

  /// What the standard library calls; its own is compiled for each message.
  @_semantics("optimize.sil.specialize.generic.never")
  public func _rawHashValue(seed: Int) -> Int {
    slots._rawHashValue(seed: seed)
  }
}

extension GeneratedMessage where Self: CustomReflectable {
  /// Shows every field, and of a secret only whether it is set.
  @_semantics("optimize.sil.specialize.generic.never")
  public var customMirror: Mirror {
    Mirror(self, children: slots.shown, displayStyle: .struct)
  }
}

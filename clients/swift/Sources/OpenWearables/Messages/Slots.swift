import Foundation

/// The values of a message's fields, in the order of its table.
public struct Slots: Hashable, Sendable, Encodable {
  /// A message is one pointer.
  private var storage: Storage

  /// `@unchecked Sendable` because its values change only while one owner has it.
  private final class Storage: @unchecked Sendable {
    let table: MessageTable
    var values: [Slot]

    init(_ table: MessageTable, _ values: [Slot]) {
      self.table = table
      self.values = values
    }
  }

  /// Fields that are all absent.
  init(_ table: MessageTable) {
    storage = Storage(table, Array(repeating: .absent, count: table.rows.count))
  }

  init(_ table: MessageTable, _ values: [Slot]) { storage = Storage(table, values) }

  /// No fields, of no message.
  static let none = Slots(MessageTable.of(""))

  @inline(never)
  init(_ table: MessageTable, from decoder: any Decoder) throws {
    storage = Storage(table, try table.read(from: decoder))
  }

  @inline(never)
  public func encode(to encoder: any Encoder) throws {
    try storage.table.write(values, to: encoder)
  }

  private(set) var values: [Slot] {
    get { storage.values }
    _modify {
      if !isKnownUniquelyReferenced(&storage) { storage = Storage(storage.table, values) }
      yield &storage.values
    }
  }

  /// The fields to show, and of a secret only whether it is set.
  var shown: [Mirror.Child] { storage.table.shown(values) }

  @inline(never)
  public static func == (a: Slots, b: Slots) -> Bool { a.values == b.values }

  @inline(never)
  public func hash(into hasher: inout Hasher) { hasher.combine(values) }

  @inline(never)
  public func _rawHashValue(seed: Int) -> Int { values._rawHashValue(seed: seed) }

  /// A field that always has a value.
  @_semantics("optimize.sil.specialize.generic.never")
  public subscript<Value: ScalarValue>(one index: Int, _: Value.Type) -> Value.Plain {
    get { Value.plain(values[index]) ?? Value.initial }
    set { values[index] = Value.slot(newValue).withoutDefault }
  }

  /// A field with presence, or a member of a oneof.
  @_semantics("optimize.sil.specialize.generic.never")
  public subscript<Value: FieldValue>(maybe index: Int, _: Value.Type) -> Value.Plain? {
    get { Value.plain(values[index]) }
    set { values[index] = newValue.map(Value.slot) ?? .absent }
  }

  @_semantics("optimize.sil.specialize.generic.never")
  public subscript<Value: FieldValue>(list index: Int, _: Value.Type) -> [Value.Plain] {
    get {
      guard case .list(let list) = values[index].content else { return [] }
      return (list as? List<Value>)?.items ?? list.slots.compactMap(Value.plain)
    }
    set { values[index] = newValue.isEmpty ? .absent : Slot(.list(List<Value>(newValue))) }
  }

  @_semantics("optimize.sil.specialize.generic.never")
  public subscript<Key: FieldValue, Value: FieldValue>(
    map index: Int, _: Key.Type, _: Value.Type
  ) -> [Key.Plain: Value.Plain] where Key.Plain: Hashable {
    get {
      guard case .map(let map) = values[index].content else { return [:] }
      return map.reduce(into: [:]) { plain, entry in
        if let key = Key.plain(entry.key) { plain[key] = Value.plain(entry.value) }
      }
    }
    set {
      let map = newValue.map { Slot.Entry(key: Key.slot($0), value: Value.slot($1)) }
      values[index] = Slot(.map(map)).withoutDefault
    }
  }

  @_disfavoredOverload
  @_semantics("optimize.sil.specialize.generic.never")
  public subscript<Item: Message>(one index: Int, _ type: Item.Type) -> Item {
    get { self[maybe: index, type] ?? Item(defaults: ()) }
    set { values[index] = Slot(.message(newValue.slots.values)).withoutDefault }
  }

  @_disfavoredOverload
  @_semantics("optimize.sil.specialize.generic.never")
  public subscript<Item: Message>(maybe index: Int, _: Item.Type) -> Item? {
    get {
      guard case .message(let slots) = values[index].content else { return nil }
      return Item(slots: Slots(Item.table, slots))
    }
    set { values[index] = newValue.map { Slot(.message($0.slots.values)) } ?? .absent }
  }

  @_disfavoredOverload
  @_semantics("optimize.sil.specialize.generic.never")
  public subscript<Item: Message>(list index: Int, _: Item.Type) -> [Item] {
    get {
      guard case .list(let list) = values[index].content else { return [] }
      return (list as? MessageList<Item>)?.items ?? []
    }
    set { values[index] = newValue.isEmpty ? .absent : Slot(.list(MessageList(newValue))) }
  }

  @_disfavoredOverload
  @_semantics("optimize.sil.specialize.generic.never")
  public subscript<Key: FieldValue, Item: Message>(
    map index: Int, _: Key.Type, _: Item.Type
  ) -> [Key.Plain: Item] where Key.Plain: Hashable {
    get {
      guard case .map(let map) = values[index].content else { return [:] }
      return map.reduce(into: [:]) { plain, entry in
        guard case .message(let slots) = entry.value.content else { return }
        if let key = Key.plain(entry.key) { plain[key] = Item(slots: Slots(Item.table, slots)) }
      }
    }
    set {
      let map = newValue.map {
        Slot.Entry(key: Key.slot($0), value: Slot(.message($1.slots.values)))
      }
      values[index] = Slot(.map(map)).withoutDefault
    }
  }

  /// Empties the fields of a oneof.
  public mutating func clear(_ indexes: ClosedRange<Int>) {
    for index in indexes { values[index] = .absent }
  }
}

extension Slots: Redacting {
  public var customMirror: Mirror { Mirror(self, children: shown) }
}

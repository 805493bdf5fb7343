import Foundation

extension MessageTable {
  /// Reads a message.
  func read(from decoder: any Decoder) throws -> [Slot] {
    if let whole { return [try whole.read(from: decoder).map { Slot(.other($0)) } ?? .absent] }
    guard let object = try? decoder.container(keyedBy: FieldKey.self) else {
      throw MessageError(.type, at: decoder.codingPath)
    }
    var values = Array(repeating: Slot.absent, count: rows.count)
    for (index, row) in rows.enumerated() {
      guard let key = try row.key(in: object) else {
        if row.shape == .always {
          throw MessageError(.missing, at: object.codingPath + [row.name])
        }
        continue
      }
      if let oneof = row.oneof,
        zip(rows, values).contains(where: { $0.oneof == oneof && !$1.isAbsent })
      {
        throw MessageError(.oneof, at: object.codingPath + [key])
      }
      values[index] = try row.read(object, key)
    }
    return values
  }
}

extension Row {
  /// Returns the key of the field; nil if the field is absent, or null and null is not a
  /// value of its type.
  fileprivate func key(in object: KeyedDecodingContainer<FieldKey>) throws -> FieldKey? {
    var key = name
    if let schemaName, object.contains(schemaName) {
      guard !object.contains(name) else {
        throw MessageError(.duplicate, at: object.codingPath + [name])
      }
      key = schemaName
    }
    guard object.contains(key) else { return nil }
    let readsNull = shape != .list && shape != .map && kind.readsNull
    return try !readsNull && object.decodeNil(forKey: key) ? nil : key
  }

  fileprivate func read(_ object: KeyedDecodingContainer<FieldKey>, _ key: FieldKey) throws -> Slot
  {
    switch shape {
    case .list: return try list(object, key)
    case .map: return try map(object, key)
    case .one, .always:
      return try kind.read(from: object.superDecoder(forKey: key))?.withoutDefault ?? .absent
    case .maybe, .member:
      return try kind.read(from: object.superDecoder(forKey: key)) ?? .absent
    }
  }

  /// A null element is an error, unless null is a value of its type.
  private func list(_ object: KeyedDecodingContainer<FieldKey>, _ key: FieldKey) throws -> Slot {
    guard var items = try? object.nestedUnkeyedContainer(forKey: key) else {
      throw MessageError(.type, at: object.codingPath + [key])
    }
    var slots: [Slot] = []
    while !items.isAtEnd {
      if let slot = try kind.read(from: items.superDecoder()) { slots.append(slot) }
    }
    return slots.isEmpty ? .absent : Slot(.list(kind.list(of: slots)))
  }

  /// A null value is an error, unless null is a value of its type.
  private func map(_ object: KeyedDecodingContainer<FieldKey>, _ key: FieldKey) throws -> Slot {
    guard let entries = try? object.nestedContainer(keyedBy: MapEntryKey.self, forKey: key) else {
      throw MessageError(.type, at: object.codingPath + [key])
    }
    var seen: [Slot] = []
    var map: [Slot.Entry] = []
    for entry in entries.allKeys {
      guard let name = self.key?.mapKey(entry.stringValue) else {
        throw MessageError(.format, at: entries.codingPath + [entry])
      }
      guard !seen.contains(name) else {
        throw MessageError(.duplicate, at: entries.codingPath + [entry])
      }
      seen.append(name)
      if let slot = try kind.read(from: entries.superDecoder(forKey: entry)) {
        map.append(Slot.Entry(key: name, value: slot))
      }
    }
    return Slot(.map(map)).withoutDefault
  }
}

extension Row.Kind {
  /// Reads a value. Returns nil for an unknown name of an enum value, which counts as
  /// absent.
  fileprivate func read(from decoder: any Decoder) throws -> Slot? {
    switch self {
    case .bool: Slot(.bool(try decoder.scalar(Bool.self)))
    case .string: Slot(.string(try decoder.scalar(String.self)))
    case .double: Slot(.double(try Double(reading: decoder)))
    case .int32, .int64, .uint32: Slot(.int(try decoder.integer(in: range)))
    case .time: Slot(.time(try Protobuf.Timestamp(from: decoder).plain))
    case .message(let type): Slot(.message(try type.table.read(from: decoder)))
    case .other(let type): try type.read(from: decoder).map { Slot(.other($0)) }
    }
  }

  /// Makes a list whose property need not convert it.
  fileprivate func list(of slots: [Slot]) -> AnyList {
    func list<Value: FieldValue>(_: Value.Type) -> AnyList {
      List<Value>(slots.compactMap(Value.plain))
    }
    func messages<Item: Message>(_: Item.Type) -> AnyList {
      MessageList<Item>(
        slots.compactMap {
          guard case .message(let values) = $0.content else { return nil }
          return Item(slots: Slots(Item.table, values))
        })
    }
    switch self {
    case .bool: return list(Bool.self)
    case .string: return list(String.self)
    case .double: return list(Double.self)
    case .int32, .int64, .uint32: return list(Int64.self)
    case .time: return list(Protobuf.Timestamp.self)
    case .message(let type): return messages(type)
    case .other(let type): return list(type)
    }
  }

  /// Reads the key of a map's entry, which JSON writes as a string.
  fileprivate func mapKey(_ text: String) -> Slot? {
    switch self {
    case .bool: Bool(text).map { Slot(.bool($0)) }
    case .int32, .int64, .uint32:
      Int(text).flatMap { range.contains($0) ? Slot(.int($0)) : nil }
    case .other: UInt64(text).map { Slot(.other($0)) }
    default: Slot(.string(text))
    }
  }
}

/// The key of a map's entry. Unlike a field's name it is data.
struct MapEntryKey: CodingKey {
  let stringValue: String
  var intValue: Int? { nil }

  init(stringValue: String) {
    self.stringValue = stringValue
  }

  init?(intValue: Int) {
    nil
  }
}

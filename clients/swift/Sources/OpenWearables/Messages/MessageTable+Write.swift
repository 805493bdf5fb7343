import Foundation

extension MessageTable {
  /// Writes a message.
  func write(_ values: [Slot], to encoder: any Encoder) throws {
    if whole != nil, case .other(let value)? = values.first?.content {
      return try value.write(to: encoder)
    }
    var object = encoder.container(keyedBy: FieldKey.self)
    try write(values, &object)
  }

  fileprivate func write(_ values: [Slot], _ object: inout KeyedEncodingContainer<FieldKey>) throws
  {
    for (row, slot) in zip(rows, values) {
      switch slot.content {
      case .absent:
        if row.shape == .always { try row.kind.write(row.kind.initial, &object, row.name) }
      case .list(let list):
        var items = object.nestedUnkeyedContainer(forKey: row.name)
        for item in list.slots { try row.kind.write(item, &items) }
      case .map(let map):
        var entries = object.nestedContainer(keyedBy: MapEntryKey.self, forKey: row.name)
        for entry in map {
          let name = try row.key?.mapKey(entry.key, at: entries.codingPath) ?? ""
          try row.kind.write(entry.value, &entries, MapEntryKey(stringValue: name))
        }
      default: try row.kind.write(slot, &object, row.name)
      }
    }
  }

  /// Returns the fields to show, and of a secret only whether it is set.
  func shown(_ values: [Slot]) -> [Mirror.Child] {
    var children: [Mirror.Child] = []
    for (row, slot) in zip(rows, values) {
      if let oneof = row.oneof {
        let isLast = row.name.stringValue == rows.last { $0.oneof == oneof }?.name.stringValue
        let isKnown = children.contains { $0.label == oneof }
        guard !slot.isAbsent || isLast && !isKnown else { continue }
      }
      children.append((row.oneof ?? row.name.stringValue, row.shown(slot)))
    }
    return children
  }
}

extension Row {
  fileprivate func shown(_ slot: Slot) -> Any {
    switch shape {
    case .maybe, .member:
      slot.isAbsent ? Any?.none as Any : isSecret ? Redacted() : Any?.some(kind.shown(slot)) as Any
    case _ where isSecret: Redacted()
    case .list: kind.items(slot)
    case .map: kind.entries(slot)
    case .one, .always: kind.shown(slot)
    }
  }
}

extension Row.Kind {
  /// The value of a field that is always there, before it has another.
  fileprivate var initial: Slot {
    switch self {
    case .bool: Slot(.bool(false))
    case .string: Slot(.string(""))
    case .double: Slot(.double(0))
    case .int32, .int64, .uint32: Slot(.int(0))
    case .time: Slot(.time(beginning))
    case .message(let type): Slot(.message(Slots(type.table).values))
    case .other: .absent
    }
  }

  @_semantics("optimize.sil.specialize.generic.never")
  @inline(never)
  fileprivate func write<Key: CodingKey>(
    _ slot: Slot, _ object: inout KeyedEncodingContainer<Key>, _ key: Key
  ) throws {
    if case .message(let type) = self, case .message(let values) = slot.content {
      var inner = object.nestedContainer(keyedBy: FieldKey.self, forKey: key)
      try type.table.write(values, &inner)
    } else {
      try check(slot, at: object.codingPath + [key])
      try object.encode(SlotText(kind: self, slot: slot), forKey: key)
    }
  }

  @inline(never)
  fileprivate func write(_ slot: Slot, _ items: inout any UnkeyedEncodingContainer) throws {
    if case .message(let type) = self, case .message(let values) = slot.content {
      var inner = items.nestedContainer(keyedBy: FieldKey.self)
      try type.table.write(values, &inner)
    } else {
      try check(slot, at: items.codingPath)
      try items.encode(SlotText(kind: self, slot: slot))
    }
  }

  /// Throws if a number or a time is out of range. A coder of Foundation does not know the path
  /// of a value within a nested container.
  private func check(_ slot: Slot, at path: [any CodingKey]) throws {
    switch slot.content {
    case .int(let value) where !range.contains(value): throw MessageError(.range, at: path)
    case .time(let value): _ = try Protobuf.Timestamp(plain: value, at: path)
    default: break
    }
  }

  fileprivate func mapKey(_ slot: Slot, at path: [any CodingKey]) throws -> String {
    switch slot.content {
    case .int(let value):
      guard range.contains(value) else {
        throw MessageError(.range, at: path + [MapEntryKey(stringValue: "")])
      }
      return "\(value)"
    case .bool(let value): return "\(value)"
    case .string(let value): return value
    case .other(let value): return "\(value)"
    default: return ""
    }
  }

  var range: ClosedRange<Int> {
    switch self {
    case .int32: Int(Int32.min)...Int(Int32.max)
    case .uint32: 0...Int(UInt32.max)
    default: Int.min...Int.max
    }
  }

  fileprivate func shown(_ slot: Slot) -> Any {
    switch (slot.content, self) {
    case (.bool(let value), _): value
    case (.int(let value), _): value
    case (.double(let value), _): value
    case (.string(let value), _): value
    case (.time(let value), _): value
    case (.other(let value), _): value
    case (.message(let values), .message(let type)): type.init(slots: Slots(type.table, values))
    case (.absent, .other): Any?.none as Any
    case (.absent, _): shown(initial)
    default: ()
    }
  }

  fileprivate func items(_ slot: Slot) -> [Any] {
    if case .list(let list) = slot.content { list.slots.map(shown) } else { [] }
  }

  fileprivate func entries(_ slot: Slot) -> [Any] {
    guard case .map(let map) = slot.content else { return [] }
    return map.map { (key: Row.Kind.string.shown($0.key), value: shown($0.value)) }
  }
}

/// A value that is no message, as JSON spells it.
private struct SlotText: Encodable {
  let kind: Row.Kind
  let slot: Slot

  func encode(to encoder: any Encoder) throws {
    switch slot.content {
    case .bool(let value): try encoder.writeScalar(value)
    case .string(let value): try encoder.writeScalar(value)
    case .double(let value): try value.writeNumber(to: encoder)
    case .time(let value):
      try Protobuf.Timestamp(plain: value, at: encoder.codingPath).encode(to: encoder)
    case .other(let value): try value.write(to: encoder)
    case .int(let value):
      // 32 bits are a number and 64 bits a string.
      if case .int64 = kind {
        try encoder.writeScalar(String(value))
      } else {
        try encoder.writeScalar(value)
      }
    default: break
    }
  }
}

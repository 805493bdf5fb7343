/// Reads the fields of one message. A field is found by its JSON name or its name in the
/// schema; both at once are an error. An absent or null field is left unchanged.
public struct FieldReader {
  private let fields: KeyedDecodingContainer<FieldKey>

  public init(_ decoder: any Decoder) throws {
    guard let fields = try? decoder.container(keyedBy: FieldKey.self) else {
      throw MessageError(.type, at: decoder.codingPath)
    }
    self.fields = fields
  }

  /// Reads a field without presence.
  public func read<Value: ScalarValue>(
    _ field: inout Value, _ name: String, _ schemaName: String? = nil
  ) throws {
    if let value = try value(of: Value.self, name, schemaName) { field = value }
  }

  /// Reads a field with presence.
  public func read<Value: FieldValue>(
    _ field: inout Value?, _ name: String, _ schemaName: String? = nil
  ) throws {
    if let value = try value(of: Value.self, name, schemaName) { field = value }
  }

  /// Reads a list. A null element is an error, unless null is a value of its type.
  public func read<Value: FieldValue>(
    _ field: inout [Value], _ name: String, _ schemaName: String? = nil
  ) throws {
    guard let key = try key(name, schemaName) else { return }
    guard var list = try? fields.nestedUnkeyedContainer(forKey: key) else {
      throw MessageError(.type, at: fields.codingPath + [key])
    }
    while !list.isAtEnd {
      if let value = try list.decode(Coded<Value>.self).value { field.append(value) }
    }
  }

  /// Reads a map. A null value is an error, unless null is a value of its type.
  public func read<Key: MapKey, Value: FieldValue>(
    _ field: inout [Key: Value], _ name: String, _ schemaName: String? = nil
  ) throws {
    guard let key = try key(name, schemaName) else { return }
    guard let map = try? fields.nestedContainer(keyedBy: MapEntryKey.self, forKey: key) else {
      throw MessageError(.type, at: fields.codingPath + [key])
    }
    var seen: Set<Key> = []
    for entry in map.allKeys {
      guard let mapKey = Key(mapKey: entry.stringValue) else {
        throw MessageError(.format, at: map.codingPath + [entry])
      }
      guard seen.insert(mapKey).inserted else {
        throw MessageError(.duplicate, at: map.codingPath + [entry])
      }
      if let value = try map.decode(Coded<Value>.self, forKey: entry).value {
        field[mapKey] = value
      }
    }
  }

  /// Reads one member of a oneof. Two members at once are an error.
  public func read<Oneof, Value: FieldValue>(
    _ field: inout Oneof?, _ name: String, _ schemaName: String? = nil,
    as member: (Value) -> Oneof
  ) throws {
    guard let key = try key(name, schemaName, null: Value.readsNull) else { return }
    guard field == nil else { throw MessageError(.oneof, at: fields.codingPath + [key]) }
    if let value = try fields.decode(Coded<Value>.self, forKey: key).value { field = member(value) }
  }

  private func value<Value: FieldValue>(
    of type: Value.Type, _ name: String, _ schemaName: String?
  ) throws -> Value? {
    guard let key = try key(name, schemaName, null: Value.readsNull) else { return nil }
    return try fields.decode(Coded<Value>.self, forKey: key).value
  }

  /// Returns the key of the field; nil if the field is absent, or null and null is not a
  /// value of its type.
  private func key(_ name: String, _ schemaName: String?, null: Bool = false) throws -> FieldKey? {
    var key = FieldKey(stringValue: name)
    if let schemaName {
      let other = FieldKey(stringValue: schemaName)
      if fields.contains(other) {
        guard !fields.contains(key) else {
          throw MessageError(.duplicate, at: fields.codingPath + [key])
        }
        key = other
      }
    }
    guard fields.contains(key) else { return nil }
    return try !null && fields.decodeNil(forKey: key) ? nil : key
  }
}

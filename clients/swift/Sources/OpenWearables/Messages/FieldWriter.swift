/// Writes the fields of one message, under their JSON names. A message without a set field is `{}`.
public struct FieldWriter {
  private var fields: KeyedEncodingContainer<FieldKey>

  public init(_ encoder: any Encoder) {
    fields = encoder.container(keyedBy: FieldKey.self)
  }

  /// Writes a field without presence, unless it has its default.
  public mutating func write<Value: ScalarValue>(_ field: Value, _ name: String) throws {
    if !field.isFieldDefault { try write(member: field, name) }
  }

  /// Writes a field with presence, if it is set.
  public mutating func write<Value: FieldValue>(_ field: Value?, _ name: String) throws {
    if let field { try write(member: field, name) }
  }

  /// Writes the member of a oneof.
  public mutating func write<Value: FieldValue>(member: Value, _ name: String) throws {
    try fields.encode(Coded(member), forKey: FieldKey(stringValue: name))
  }

  /// Writes a list, unless it is empty.
  public mutating func write<Value: FieldValue>(_ field: [Value], _ name: String) throws {
    guard !field.isEmpty else { return }
    try fields.encode(field.map(Coded.init), forKey: FieldKey(stringValue: name))
  }

  /// Writes a map, unless it is empty.
  public mutating func write<Key: MapKey, Value: FieldValue>(
    _ field: [Key: Value], _ name: String
  ) throws {
    guard !field.isEmpty else { return }
    var map = fields.nestedContainer(
      keyedBy: MapEntryKey.self, forKey: FieldKey(stringValue: name))
    for (key, value) in field {
      try map.encode(Coded(value), forKey: MapEntryKey(stringValue: key.mapKey))
    }
  }
}

/// How JSON spells a property.
struct Form<Part: Sendable>: Sendable {
  let isAlwaysThere: Bool
  let read: @Sendable (inout Part, KeyedDecodingContainer<FieldKey>, FieldKey) throws -> Void
  let write: @Sendable (Part, inout KeyedEncodingContainer<FieldKey>, FieldKey) throws -> Void

  private init(
    isAlwaysThere: Bool = false,
    read: @escaping @Sendable (inout Part, KeyedDecodingContainer<FieldKey>, FieldKey) throws ->
      Void,
    write: @escaping @Sendable (Part, inout KeyedEncodingContainer<FieldKey>, FieldKey) throws ->
      Void
  ) {
    self.isAlwaysThere = isAlwaysThere
    self.read = read
    self.write = write
  }

  /// A value that is left out if it is the default.
  @_semantics("optimize.sil.specialize.generic.never")
  static func one<Value: ScalarValue>(_ type: Value.Type) -> Form where Value.Plain == Part {
    Form(
      read: { part, values, key in
        if let value = try values.decode(Coded<Value>.self, forKey: key).value {
          part = value.plain
        }
      },
      write: { part, values, key in
        let coded = try Coded<Value>(plain: part, at: values.codingPath + [key])
        if coded.value?.isFieldDefault != true { try values.encode(coded, forKey: key) }
      })
  }

  /// A value that is always there.
  @_semantics("optimize.sil.specialize.generic.never")
  static func always<Value: FieldValue>(_ type: Value.Type) -> Form where Value.Plain == Part {
    Form(
      isAlwaysThere: true,
      read: { part, values, key in
        if let value = try values.decode(Coded<Value>.self, forKey: key).value {
          part = value.plain
        }
      },
      write: { part, values, key in
        try values.encode(Coded<Value>(plain: part, at: values.codingPath + [key]), forKey: key)
      })
  }

  @_semantics("optimize.sil.specialize.generic.never")
  static func maybe<Value: FieldValue>(_ type: Value.Type) -> Form where Part == Value.Plain? {
    Form(
      read: { part, values, key in
        if let value = try values.decode(Coded<Value>.self, forKey: key).value {
          part = value.plain
        }
      },
      write: { part, values, key in
        guard let part else { return }
        try values.encode(Coded<Value>(plain: part, at: values.codingPath + [key]), forKey: key)
      })
  }

  @_semantics("optimize.sil.specialize.generic.never")
  static func list<Value: FieldValue>(_ type: Value.Type) -> Form where Part == [Value.Plain] {
    Form(
      read: { part, values, key in
        guard var list = try? values.nestedUnkeyedContainer(forKey: key) else {
          throw MessageError(.type, at: values.codingPath + [key])
        }
        while !list.isAtEnd {
          if let value = try list.decode(Coded<Value>.self).value { part.append(value.plain) }
        }
      },
      write: { part, values, key in
        guard !part.isEmpty else { return }
        let path = values.codingPath + [key]
        try values.encode(part.map { try Coded<Value>(plain: $0, at: path) }, forKey: key)
      })
  }

  @_semantics("optimize.sil.specialize.generic.never")
  static func map<Key: MapKey, Value: FieldValue>(_ key: Key.Type, _ type: Value.Type) -> Form
  where Part == [Key.Plain: Value.Plain] {
    Form(
      read: { part, values, key in
        guard let map = try? values.nestedContainer(keyedBy: MapEntryKey.self, forKey: key) else {
          throw MessageError(.type, at: values.codingPath + [key])
        }
        var seen: Set<Key.Plain> = []
        for entry in map.allKeys {
          guard let name = Key(mapKey: entry.stringValue)?.plain else {
            throw MessageError(.format, at: map.codingPath + [entry])
          }
          guard seen.insert(name).inserted else {
            throw MessageError(.duplicate, at: map.codingPath + [entry])
          }
          if let value = try map.decode(Coded<Value>.self, forKey: entry).value {
            part[name] = value.plain
          }
        }
      },
      write: { part, values, key in
        guard !part.isEmpty else { return }
        var map = values.nestedContainer(keyedBy: MapEntryKey.self, forKey: key)
        for (name, value) in part {
          let entry = MapEntryKey(stringValue: try Key(plain: name).mapKey)
          let coded = try Coded<Value>(plain: value, at: map.codingPath + [entry])
          try map.encode(coded, forKey: entry)
        }
      })
  }

  @_semantics("optimize.sil.specialize.generic.never")
  static func member<Oneof: Sendable, Value: FieldValue>(
    _ type: Value.Type, _ make: @escaping @Sendable (Value.Plain) -> Oneof,
    _ take: @escaping @Sendable (Oneof) -> Value.Plain?
  ) -> Form where Part == Oneof? {
    Form(
      read: { part, values, key in
        guard part == nil else { throw MessageError(.oneof, at: values.codingPath + [key]) }
        if let value = try values.decode(Coded<Value>.self, forKey: key).value {
          part = make(value.plain)
        }
      },
      write: { part, values, key in
        guard let value = part.flatMap(take) else { return }
        try values.encode(Coded<Value>(plain: value, at: values.codingPath + [key]), forKey: key)
      })
  }
}

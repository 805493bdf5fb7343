extension Protobuf {
  /// `google.protobuf.Value`: any JSON. A `Struct` is a dictionary of them, a `ListValue` an array.
  public enum Value: OtherValue {
    case null
    case number(Double)
    case string(String)
    case bool(Bool)
    case list([Value])
    case object([String: Value])

    @inline(never)
    public static func == (a: Value, b: Value) -> Bool {
      switch (a, b) {
      case (.null, .null): true
      case (.number(let a), .number(let b)): a == b
      case (.string(let a), .string(let b)): a == b
      case (.bool(let a), .bool(let b)): a == b
      case (.list(let a), .list(let b)): a == b
      case (.object(let a), .object(let b)):
        a.count == b.count && a.allSatisfy { name, value in b[name] == value }
      default: false
      }
    }

    public static var readsNull: Bool { true }

    public static func read(from decoder: any Decoder) throws -> Value? {
      let value = try decoder.singleValueContainer()
      if value.decodeNil() { return .null }
      if let bool = try? value.decode(Bool.self) { return .bool(bool) }
      if let number = try? value.decode(Double.self) { return .number(number) }
      if let string = try? value.decode(String.self) { return .string(string) }
      if (try? decoder.unkeyedContainer()) != nil {
        return try [Value].read(from: decoder).map(Value.list)
      }
      return try [String: Value].read(from: decoder).map(Value.object)
    }

    /// Refuses a number that is not finite, which JSON does not have.
    public func write(to encoder: any Encoder) throws {
      switch self {
      case .null:
        var container = encoder.singleValueContainer()
        try container.encodeNil()
      case .number(let number):
        guard number.isFinite else { throw MessageError(.range, at: encoder.codingPath) }
        try encoder.writeScalar(number)
      case .string(let string): try encoder.writeScalar(string)
      case .bool(let bool): try encoder.writeScalar(bool)
      case .list(let list): try list.write(to: encoder)
      case .object(let fields): try fields.write(to: encoder)
      }
    }
  }

  /// `google.protobuf.NullValue`: JSON's null.
  public enum NullValue: ScalarValue, OtherValue {
    case null

    public static var initial: NullValue { .null }
    public static var readsNull: Bool { true }
    public var isFieldDefault: Bool { true }

    /// Reads null, the enum's name and its number.
    public static func read(from decoder: any Decoder) throws -> NullValue? {
      let value = try decoder.singleValueContainer()
      if value.decodeNil() { return .null }
      if let name = try? value.decode(String.self) { return name == "NULL_VALUE" ? .null : nil }
      _ = try decoder.integer(in: Int(Int32.min)...Int(Int32.max))
      return .null
    }

    public func write(to encoder: any Encoder) throws {
      try Value.null.write(to: encoder)
    }
  }
}

extension Array: FieldValue, OtherValue where Element == Protobuf.Value {
  public static func read(from decoder: any Decoder) throws -> [Element]? {
    guard var list = try? decoder.unkeyedContainer() else {
      throw MessageError(.type, at: decoder.codingPath)
    }
    var values: [Element] = []
    while !list.isAtEnd {
      if let value = try list.decode(Coded<Element>.self).value { values.append(value) }
    }
    return values
  }

  public func write(to encoder: any Encoder) throws {
    try encoder.writeScalar(map(Coded.init))
  }
}

extension Dictionary: FieldValue, OtherValue where Key == String, Value == Protobuf.Value {
  public static func read(from decoder: any Decoder) throws -> [Key: Value]? {
    guard let fields = try? decoder.container(keyedBy: MapEntryKey.self) else {
      throw MessageError(.type, at: decoder.codingPath)
    }
    return try fields.allKeys.reduce(into: [:]) { values, key in
      values[key.stringValue] = try fields.decode(Coded<Value>.self, forKey: key).value
    }
  }

  public func write(to encoder: any Encoder) throws {
    var fields = encoder.container(keyedBy: MapEntryKey.self)
    for (name, value) in self {
      try fields.encode(Coded(value), forKey: MapEntryKey(stringValue: name))
    }
  }
}

/// A field of a generated message, as a row of its table.
public struct Field<Root: GeneratedMessage>: Sendable {
  let column: Column<Root>
  let isSecret: Bool

  @_semantics("optimize.sil.specialize.generic.never")
  @inline(never)
  private init<Part: Hashable & Sendable>(
    _ path: WritableKeyPath<Root, Part> & Sendable, _ names: Names, _ secret: Bool,
    _ form: Form<Part>
  ) {
    column = PathColumn(path, names, form)
    isSecret = secret
  }

  /// A field without presence.
  @_semantics("optimize.sil.specialize.generic.never")
  @inline(never)
  public static func one<Value: ScalarValue>(
    _ path: WritableKeyPath<Root, Value.Plain> & Sendable, _ type: Value.Type, _ name: String,
    _ schemaName: String? = nil, secret: Bool = false
  ) -> Self {
    Self(path, Names(name, schemaName, null: Value.readsNull), secret, .one(type))
  }

  /// A message or a time that is always there.
  @_semantics("optimize.sil.specialize.generic.never")
  @inline(never)
  public static func always<Value: FieldValue>(
    _ path: WritableKeyPath<Root, Value.Plain> & Sendable, _ type: Value.Type, _ name: String,
    _ schemaName: String? = nil, secret: Bool = false
  ) -> Self {
    Self(path, Names(name, schemaName, null: Value.readsNull), secret, .always(type))
  }

  /// A field with presence.
  @_semantics("optimize.sil.specialize.generic.never")
  @inline(never)
  public static func maybe<Value: FieldValue>(
    _ path: WritableKeyPath<Root, Value.Plain?> & Sendable, _ type: Value.Type, _ name: String,
    _ schemaName: String? = nil, secret: Bool = false
  ) -> Self {
    Self(path, Names(name, schemaName, null: Value.readsNull), secret, .maybe(type))
  }

  /// A list. A null element is an error, unless null is a value of its type.
  @_semantics("optimize.sil.specialize.generic.never")
  @inline(never)
  public static func list<Value: FieldValue>(
    _ path: WritableKeyPath<Root, [Value.Plain]> & Sendable, _ type: Value.Type, _ name: String,
    _ schemaName: String? = nil, secret: Bool = false
  ) -> Self {
    Self(path, Names(name, schemaName), secret, .list(type))
  }

  /// A map. A null value is an error, unless null is a value of its type.
  @_semantics("optimize.sil.specialize.generic.never")
  @inline(never)
  public static func map<Key: MapKey, Value: FieldValue>(
    _ path: WritableKeyPath<Root, [Key.Plain: Value.Plain]> & Sendable, _ key: Key.Type,
    _ type: Value.Type, _ name: String, _ schemaName: String? = nil, secret: Bool = false
  ) -> Self {
    Self(path, Names(name, schemaName), secret, .map(key, type))
  }

  /// A member of a oneof. Two members at once are an error.
  @_semantics("optimize.sil.specialize.generic.never")
  @inline(never)
  public static func member<Oneof: Hashable & Sendable, Value: FieldValue>(
    _ path: WritableKeyPath<Root, Oneof?> & Sendable,
    _ make: @escaping @Sendable (Value.Plain) -> Oneof,
    _ take: @escaping @Sendable (Oneof) -> Value.Plain?, _ type: Value.Type, of oneof: String,
    _ name: String, _ schemaName: String? = nil
  ) -> Self {
    let names = Names(name, schemaName, null: Value.readsNull, label: oneof)
    return Self(path, names, false, .member(type, make, take))
  }
}

/// Reads, writes and compares one field of a message.
class Column<Root>: @unchecked Sendable {
  let label: String

  init(_ label: String) { self.label = label }

  func read(_ root: inout Root, _ values: KeyedDecodingContainer<FieldKey>) throws {}
  func write(_ root: Root, _ values: inout KeyedEncodingContainer<FieldKey>) throws {}
  func isEqual(_ a: Root, _ b: Root) -> Bool { true }
  func hash(_ root: Root, into hasher: inout Hasher) {}
  func shown(_ root: Root) -> Any { () }
}

/// The column of a property. `@unchecked Sendable` because a subclass cannot be checked: all
/// its properties are constants of sendable types.
private final class PathColumn<Root, Part: Hashable & Sendable>: Column<Root>,
  @unchecked Sendable
{
  private let path: WritableKeyPath<Root, Part> & Sendable
  private let names: Names
  private let form: Form<Part>

  init(_ path: WritableKeyPath<Root, Part> & Sendable, _ names: Names, _ form: Form<Part>) {
    self.path = path
    self.names = names
    self.form = form
    super.init(names.label)
  }

  override func read(_ root: inout Root, _ values: KeyedDecodingContainer<FieldKey>) throws {
    if let key = try names.key(in: values) {
      try form.read(&root[keyPath: path], values, key)
    } else if form.isAlwaysThere {
      throw MessageError(.missing, at: values.codingPath + [names.first])
    }
  }

  override func write(_ root: Root, _ values: inout KeyedEncodingContainer<FieldKey>) throws {
    try form.write(root[keyPath: path], &values, names.first)
  }

  override func isEqual(_ a: Root, _ b: Root) -> Bool { a[keyPath: path] == b[keyPath: path] }

  override func hash(_ root: Root, into hasher: inout Hasher) {
    hasher.combine(root[keyPath: path])
  }

  override func shown(_ root: Root) -> Any { root[keyPath: path] }
}

/// The names of a field: it is found by its JSON name or its name in the schema; both at once
/// are an error.
struct Names: Sendable {
  let first: FieldKey
  private let second: FieldKey?
  /// Whether JSON's null is a value of the field.
  private let null: Bool
  /// What a mirror calls it.
  let label: String

  init(_ name: String, _ schemaName: String?, null: Bool = false, label: String? = nil) {
    first = FieldKey(stringValue: name)
    second = schemaName.map(FieldKey.init(stringValue:))
    self.null = null
    self.label = label ?? name
  }

  /// Returns the key of the field; nil if the field is absent, or null and null is not a
  /// value of its type.
  func key(in values: KeyedDecodingContainer<FieldKey>) throws -> FieldKey? {
    var key = first
    if let second, values.contains(second) {
      guard !values.contains(first) else {
        throw MessageError(.duplicate, at: values.codingPath + [first])
      }
      key = second
    }
    guard values.contains(key) else { return nil }
    return try !null && values.decodeNil(forKey: key) ? nil : key
  }
}

/// A type that JSON spells in a field, a list element, a map value or a oneof member.
/// Conformances are written here and by the generator.
public protocol FieldValue: Hashable, Sendable {
  /// The type of the property: the same, or the one that Swift uses for it, such as `Int`
  /// for `Int32` and `Date` for a timestamp.
  associatedtype Plain: Hashable & Sendable = Self

  /// Throws if the value is out of range.
  init(plain: Plain) throws
  var plain: Plain { get }

  /// Whether JSON's null is a value and not the absence of one.
  static var readsNull: Bool { get }

  /// Reads a value. Returns nil for an unknown name of an enum value, which counts as
  /// absent.
  static func read(from decoder: any Decoder) throws -> Self?

  /// Writes the value, default or not.
  func write(to encoder: any Encoder) throws
}

extension FieldValue {
  public static var readsNull: Bool { false }
}

extension FieldValue where Plain == Self {
  @_semantics("optimize.sil.specialize.generic.never")
  public init(plain: Self) { self = plain }
  public var plain: Self {
    self
  }
}

/// A type whose fields have a default in place of absence.
public protocol ScalarValue: FieldValue {
  /// Whether a field with this value is left out.
  var isFieldDefault: Bool { get }
}

/// Makes a field's value `Codable`.
struct Coded<Value: FieldValue>: Codable {
  let value: Value?

  init(_ value: Value) {
    self.value = value
  }

  init(plain: Value.Plain, at path: [any CodingKey]) throws {
    do { value = try Value(plain: plain) } catch { throw MessageError(.range, at: path) }
  }

  init(from decoder: any Decoder) throws {
    value = try Value.read(from: decoder)
  }

  func encode(to encoder: any Encoder) throws {
    try value?.write(to: encoder)
  }
}

/// The name of a field.
struct FieldKey: CodingKey {
  let stringValue: String
  var intValue: Int? { nil }

  init(stringValue: String) {
    self.stringValue = stringValue
  }

  init?(intValue: Int) {
    nil
  }
}

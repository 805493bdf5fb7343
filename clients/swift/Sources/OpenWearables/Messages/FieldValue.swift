/// A type that a field of a message can have. Conformances are written here and by the
/// generator.
public protocol FieldValue: Sendable {
  /// The type of the property: the same, or the one that Swift uses for it, such as `Int`
  /// for `Int32` and `Date` for a timestamp.
  associatedtype Plain: Sendable = Self

  static func slot(_ plain: Plain) -> Slot

  /// Returns nil if the slot is empty.
  static func plain(_ slot: Slot) -> Plain?
}

/// A type whose fields have a default in place of absence.
public protocol ScalarValue: FieldValue {
  static var initial: Plain { get }
}

/// A type that spells its own JSON, which the tables of messages know nothing about.
public protocol OtherValue: FieldValue, Hashable where Plain == Self {
  /// Whether JSON's null is a value and not the absence of one.
  static var readsNull: Bool { get }

  /// Whether a field without presence is left out with this value.
  var isFieldDefault: Bool { get }

  /// Reads a value. Returns nil for an unknown name of an enum value, which counts as
  /// absent.
  static func read(from decoder: any Decoder) throws -> Self?

  /// Writes the value, default or not.
  func write(to encoder: any Encoder) throws
}

extension OtherValue {
  public static var readsNull: Bool { false }
  public var isFieldDefault: Bool { false }

  @_semantics("optimize.sil.specialize.generic.never")
  public static func slot(_ plain: Self) -> Slot { Slot(.other(plain)) }

  @_semantics("optimize.sil.specialize.generic.never")
  public static func plain(_ slot: Slot) -> Self? {
    if case .other(let value) = slot.content { value as? Self } else { nil }
  }

  /// Whether `other` is an equal value of the same type.
  @_semantics("optimize.sil.specialize.generic.never")
  func equals(_ other: any OtherValue) -> Bool { self == other as? Self }
}

/// Makes a value `Codable`.
@usableFromInline struct Coded<Value: OtherValue>: Codable {
  @usableFromInline let value: Value?

  @usableFromInline init(_ value: Value) {
    self.value = value
  }

  @usableFromInline init(from decoder: any Decoder) throws {
    value = try Value.read(from: decoder)
  }

  @usableFromInline func encode(to encoder: any Encoder) throws {
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

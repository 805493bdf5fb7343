/// A text that has one of a few values. One that this version has no name for is kept as
/// `unrecognized`, so that a switch that handles it stays exhaustive whatever the server sends.
public protocol TextValue: ScalarValue, RawRepresentable, CustomStringConvertible
where RawValue == String, Plain == Self {
  init(rawValue: String)
}

extension TextValue {
  public static var initial: Self { Self(rawValue: "") }
  public var description: String { rawValue }

  @_semantics("optimize.sil.specialize.generic.never")
  public static func slot(_ plain: Self) -> Slot { Slot(.string(plain.rawValue)) }

  @_semantics("optimize.sil.specialize.generic.never")
  public static func plain(_ slot: Slot) -> Self? {
    if case .string(let value) = slot.content { Self(rawValue: value) } else { nil }
  }

  @_semantics("optimize.sil.specialize.generic.never")
  public static func == (a: Self, b: Self) -> Bool { a.rawValue == b.rawValue }

  @_semantics("optimize.sil.specialize.generic.never")
  public func hash(into hasher: inout Hasher) { hasher.combine(rawValue) }

  public var hashValue: Int { rawValue.hashValue }

  /// What the standard library calls; its own is compiled for each type.
  @_semantics("optimize.sil.specialize.generic.never")
  public func _rawHashValue(seed: Int) -> Int { rawValue._rawHashValue(seed: seed) }
}

import Foundation

/// A text that has one of a few values. One that this version has no name for is kept as
/// `unrecognized`, so that a switch that handles it stays exhaustive whatever the server sends.
public typealias TextValue = TextField & Hashable & RawRepresentable & CustomStringConvertible

/// What a text value itself has to say.
public protocol TextField: ScalarValue where Plain == Self {
  init(rawValue: String)
  var rawValue: String { get }
}

extension TextField {
  public static var initial: Self { Self(rawValue: "") }
  public var description: String { rawValue }

  @_semantics("optimize.sil.specialize.generic.never")
  public static func slot(_ plain: Self) -> Slot { Slot(.string(plain.rawValue)) }

  @_semantics("optimize.sil.specialize.generic.never")
  public static func plain(_ slot: Slot) -> Self? {
    if case .string(let value) = slot.content { Self(rawValue: value) } else { nil }
  }

  /// The text, by a name that `RawRepresentable` does not have too.
  fileprivate var text: String { rawValue }
}

// What the compiler makes of these for a type is a call of its text.

extension TextField where Self: Hashable & RawRepresentable, RawValue == String {
  @inline(__always)
  public static func == (a: Self, b: Self) -> Bool { isSame(a.text, b.text) }

  @inline(__always)
  public func hash(into hasher: inout Hasher) { hasher.combine(text) }

  @inline(__always)
  public var hashValue: Int { text._rawHashValue(seed: 0) }

  /// What the standard library calls; its own is compiled for each type.
  @inline(__always)
  public func _rawHashValue(seed: Int) -> Int { text._rawHashValue(seed: seed) }
}

extension MessageTable {
  /// Returns the place of a text among values, of which each is a line.
  @inline(never)
  public static func place(of text: String, in values: StaticString) -> Int? {
    "\(values)".components(separatedBy: "\n").firstIndex(of: text)
  }
}

@inline(never)
private func isSame(_ a: String, _ b: String) -> Bool { a == b }

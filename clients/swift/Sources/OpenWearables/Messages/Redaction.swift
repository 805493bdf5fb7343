/// A type that holds a secret and prints, dumps and reflects without it. Its mirror alone
/// defines what is shown.
public protocol Redacting: CustomReflectable, CustomStringConvertible,
  CustomDebugStringConvertible
{}

extension Redacting {
  @_semantics("optimize.sil.specialize.generic.never")
  public var description: String { text("\(Self.self)", customMirror) }

  @_semantics("optimize.sil.specialize.generic.never")
  public var debugDescription: String { text("\(Self.self)", customMirror) }
}

/// Writes what the mirror of a value shows.
private func text(_ type: String, _ mirror: Mirror) -> String {
  let fields = mirror.children.map { "\($0.label ?? "_"): \(String(reflecting: $0.value))" }
  return "\(type)(\(fields.joined(separator: ", ")))"
}

/// Shown in place of a secret.
public struct Redacted: Sendable, CustomStringConvertible, CustomDebugStringConvertible,
  CustomReflectable
{
  public init() {}

  public var description: String { "[redacted]" }
  public var debugDescription: String { description }
  public var customMirror: Mirror { Mirror(self, children: [:]) }
}

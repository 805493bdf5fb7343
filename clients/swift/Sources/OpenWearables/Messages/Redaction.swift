/// A type that holds a secret and prints, dumps and reflects without it. Its mirror alone
/// defines what is shown.
public protocol Redacting: CustomReflectable, CustomStringConvertible,
  CustomDebugStringConvertible
{}

extension Redacting {
  public var description: String {
    let fields = customMirror.children.map { "\($0.label ?? "_"): \(String(reflecting: $0.value))" }
    return "\(Self.self)(\(fields.joined(separator: ", ")))"
  }

  public var debugDescription: String { description }
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

/// A field of a recursive message: its value contains, directly or not, a message with the
/// same field.
@propertyWrapper
public struct Boxed<Wrapped: Hashable & Sendable>: Hashable, Sendable {
  private var box: Box?

  public init() {}

  public init(wrappedValue: Wrapped?) {
    box = wrappedValue.map(Box.init)
  }

  public var wrappedValue: Wrapped? {
    get { box?.value }
    set { box = newValue.map(Box.init) }
  }

  public static func == (a: Boxed, b: Boxed) -> Bool {
    a.wrappedValue == b.wrappedValue
  }

  public func hash(into hasher: inout Hasher) {
    hasher.combine(wrappedValue)
  }

  private final class Box: Sendable {
    let value: Wrapped

    init(_ value: Wrapped) {
      self.value = value
    }
  }
}

extension Boxed: CustomDebugStringConvertible, CustomReflectable {
  public var debugDescription: String { String(reflecting: wrappedValue) }
  public var customMirror: Mirror { Mirror(reflecting: wrappedValue as Any) }
}

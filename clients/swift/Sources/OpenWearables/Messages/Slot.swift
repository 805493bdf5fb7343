import Foundation

/// What one field of a message holds.
public struct Slot: Hashable, Sendable {
  let content: Content

  init(_ content: Content) { self.content = content }

  static let absent = Slot(.absent)

  enum Content: Sendable {
    /// No value, or the default of a field without presence.
    case absent
    case bool(Bool)
    case int(Int)
    case double(Double)
    case string(String)
    case time(Date)
    case message([Slot])
    case list(AnyList)
    case map([Entry])
    case other(any OtherValue)
  }

  /// An entry of a map.
  struct Entry: Sendable, Equatable {
    let key: Slot
    let value: Slot
  }

  var isAbsent: Bool { if case .absent = content { true } else { false } }

  /// The slot of a field without presence, for which the default is the same as absence.
  var withoutDefault: Slot { isDefault ? .absent : self }

  private var isDefault: Bool {
    switch content {
    case .absent: true
    case .bool(let value): !value
    case .int(let value): value == 0
    case .double(let value): value == 0 && value.sign == .plus
    case .string(let value): value.isEmpty
    case .time(let value): value == beginning
    case .message(let slots): slots.allSatisfy(\.isAbsent)
    case .list(let list): list.isEmpty
    case .map(let map): map.isEmpty
    case .other(let value): value.isFieldDefault
    }
  }

  public static func == (a: Slot, b: Slot) -> Bool {
    switch (a.content, b.content) {
    case (.absent, .absent): true
    case (.bool(let a), .bool(let b)): a == b
    case (.int(let a), .int(let b)): a == b
    case (.double(let a), .double(let b)): a == b
    case (.string(let a), .string(let b)): a == b
    case (.time(let a), .time(let b)): a == b
    case (.message(let a), .message(let b)): a == b
    case (.list(let a), .list(let b)): a.slots == b.slots
    case (.map(let a), .map(let b)): a.count == b.count && a.allSatisfy(b.contains)
    case (.other(let a), .other(let b)): a.equals(b)
    default: false
    }
  }

  public func hash(into hasher: inout Hasher) {
    switch content {
    case .absent: hasher.combine(0)
    case .bool(let value): hasher.combine(value)
    case .int(let value): hasher.combine(value)
    case .double(let value): hasher.combine(value)
    case .string(let value): hasher.combine(value)
    case .time(let value): hasher.combine(value)
    case .message(let slots): hasher.combine(slots)
    case .list(let list): hasher.combine(list.slots)
    case .map(let map): hasher.combine(map.count)
    case .other(let value): value.hash(into: &hasher)
    }
  }
}

/// A time's default: the beginning of 1970.
let beginning = Date(timeIntervalSince1970: 0)

/// The items of a list.
class AnyList: @unchecked Sendable {
  var isEmpty: Bool { true }
  var slots: [Slot] { [] }
}

/// A list with the items as the property has them. `@unchecked Sendable` because a subclass
/// cannot be checked: its only property is a constant of a sendable type.
final class List<Value: FieldValue>: AnyList, @unchecked Sendable {
  let items: [Value.Plain]

  @_semantics("optimize.sil.specialize.generic.never")
  init(_ items: [Value.Plain]) { self.items = items }

  override var isEmpty: Bool { items.isEmpty }
  override var slots: [Slot] { items.map(Value.slot) }
}

/// A list of messages.
final class MessageList<Item: Message>: AnyList, @unchecked Sendable {
  let items: [Item]

  @_semantics("optimize.sil.specialize.generic.never")
  init(_ items: [Item]) { self.items = items }

  override var isEmpty: Bool { items.isEmpty }
  override var slots: [Slot] { items.map { Slot(.message($0.slots.values)) } }
}

// A slot does not know whether it holds a secret.

extension Slot: Redacting {
  public var customMirror: Mirror { Mirror(self, children: []) }
}

extension Slot.Content: Redacting {
  var customMirror: Mirror { Mirror(self, children: []) }
}

extension AnyList: CustomReflectable {
  var customMirror: Mirror { Mirror(self, children: []) }
}

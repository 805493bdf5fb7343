import Foundation

/// The fields of a message, by which it is read, written and shown.
public final class MessageTable: Sendable {
  let name: String
  let rows: [Row]
  /// The type of a message whose JSON is not made of its fields.
  let whole: (any OtherValue.Type)?

  private init(_ text: String, _ messages: Messages?, _ others: Others?) {
    var messages = messages?()[...] ?? []
    var others = others?()[...] ?? []
    let lines = text.components(separatedBy: "\n")
    name = lines[0]
    rows = lines.dropFirst().map { Row($0, &messages, &others) }
    whole = nil
  }

  /// The table of a message that spells its own JSON and is the value of its only slot.
  init(_ name: String, whole: any OtherValue.Type) {
    self.name = name
    self.whole = whole
    rows = [Row(whole)]
  }

  public typealias Messages = @Sendable () -> [any Message.Type]
  public typealias Others = @Sendable () -> [any OtherValue.Type]

  /// The tables that were needed, and the addresses of their texts in the same order.
  private struct Known {
    var addresses: [UInt] = []
    var tables: [MessageTable] = []
  }

  private static let known = Locked(Known())

  /// Returns the table of a text, which is read when it is first needed.
  ///
  /// - Parameters:
  ///   - text: the full name in the schema, and a line for each field: how often it is there,
  ///     its names in JSON and in the schema, its type, the type of its values if it is a map,
  ///     the name of its oneof, and whether it is a secret.
  ///
  ///         openwearables.v1.User
  ///         one id string
  ///         list workouts message
  ///         map byName/by_name string int32
  ///         member appSecret/app_secret string of proof secret
  ///   - messages: the types of the fields of the type `message`, in their order.
  ///   - others: the types of the fields of the type `other`, in their order.
  @inline(never)
  public static func of(_ text: StaticString, messages: Messages? = nil, others: Others? = nil)
    -> MessageTable
  {
    let address = UInt(bitPattern: text.utf8Start)
    return known.with { known in
      if let place = known.addresses.firstIndex(of: address) { return known.tables[place] }
      let table = MessageTable("\(text)", messages, others)
      known.addresses.append(address)
      known.tables.append(table)
      return table
    }
  }
}

/// A field of a message.
struct Row: Sendable {
  enum Shape: String {
    /// A value whose default is left out.
    case one
    /// A value that is there, default or not.
    case always
    case maybe
    case list
    case map
    /// A member of a oneof. Two at once are an error.
    case member
  }

  enum Kind: Sendable {
    case bool
    case string
    case double
    case int32
    case int64
    case uint32
    case time
    case message(any Message.Type)
    case other(any OtherValue.Type)
  }

  let shape: Shape
  /// The field is found by its JSON name or its name in the schema; both at once are an error.
  let name: FieldKey
  let schemaName: FieldKey?
  /// The type of a map's keys.
  let key: Kind?
  let kind: Kind
  let oneof: String?
  let isSecret: Bool

  /// The field that a whole message is.
  fileprivate init(_ whole: any OtherValue.Type) {
    shape = .maybe
    name = FieldKey(stringValue: "value")
    schemaName = nil
    key = nil
    kind = .other(whole)
    oneof = nil
    isSecret = false
  }

  fileprivate init(
    _ line: String, _ messages: inout ArraySlice<any Message.Type>,
    _ others: inout ArraySlice<any OtherValue.Type>
  ) {
    var words = line.components(separatedBy: " ")[...]
    shape = Shape(rawValue: words.removeFirst()) ?? .one
    let names = words.removeFirst().components(separatedBy: "/")
    name = FieldKey(stringValue: names[0])
    schemaName = names.count > 1 ? FieldKey(stringValue: names[1]) : nil
    key = shape == .map ? Kind(words.removeFirst(), &messages, &others) : nil
    kind = Kind(words.removeFirst(), &messages, &others)
    oneof = words.first == "of" ? words[words.startIndex + 1] : nil
    isSecret = words.last == "secret"
  }
}

extension Row.Kind {
  fileprivate init(
    _ word: String, _ messages: inout ArraySlice<any Message.Type>,
    _ others: inout ArraySlice<any OtherValue.Type>
  ) {
    switch word {
    case "bool": self = .bool
    case "double": self = .double
    case "int32": self = .int32
    case "int64": self = .int64
    case "uint32": self = .uint32
    case "time": self = .time
    case "message": self = .message(messages.removeFirst())
    case "other": self = .other(others.removeFirst())
    default: self = .string
    }
  }

  var readsNull: Bool { if case .other(let type) = self { type.readsNull } else { false } }
}

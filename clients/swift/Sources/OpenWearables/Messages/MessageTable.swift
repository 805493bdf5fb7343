/// The fields of a message, by which it is read, written and shown.
public final class MessageTable: Sendable {
  let name: String
  let rows: [Row]

  /// - Parameters:
  ///   - name: the full name in the schema.
  ///   - fields: a line for each field: how often it is there, its names in JSON and in the
  ///     schema, its type, the type of its values if it is a map, the name of its oneof, and
  ///     whether it is a secret.
  ///
  ///         one id string
  ///         list workouts message
  ///         map byName/by_name string int32
  ///         member appSecret/app_secret string of proof secret
  ///   - messages: the types of the fields of the type `message`, in their order.
  ///   - others: the types of the fields of the type `other`, in their order.
  public init(
    _ name: String, _ fields: String = "", messages: [any GeneratedMessage.Type] = [],
    others: [any OtherValue.Type] = []
  ) {
    self.name = name
    var messages = messages[...]
    var others = others[...]
    rows = fields.split(separator: "\n").map { Row($0, &messages, &others) }
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
    case message(any GeneratedMessage.Type)
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

  init(
    _ line: Substring, _ messages: inout ArraySlice<any GeneratedMessage.Type>,
    _ others: inout ArraySlice<any OtherValue.Type>
  ) {
    var words = line.split(separator: " ")[...]
    shape = Shape(rawValue: String(words.removeFirst())) ?? .one
    let names = words.removeFirst().split(separator: "/")
    name = FieldKey(stringValue: String(names[0]))
    schemaName = names.count > 1 ? FieldKey(stringValue: String(names[1])) : nil
    key = shape == .map ? Kind(words.removeFirst(), &messages, &others) : nil
    kind = Kind(words.removeFirst(), &messages, &others)
    oneof = words.first == "of" ? String(words[words.startIndex + 1]) : nil
    isSecret = words.last == "secret"
  }
}

extension Row.Kind {
  fileprivate init(
    _ word: Substring, _ messages: inout ArraySlice<any GeneratedMessage.Type>,
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

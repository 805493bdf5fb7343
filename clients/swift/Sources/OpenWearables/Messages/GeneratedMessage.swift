/// A message that the generator writes: its fields are a table, by which all messages are
/// read, written, compared and shown by the same code.
///
/// That code is compiled once and not for each message, which keeps apps small.
public protocol GeneratedMessage: Message {
  /// The fields in the order of the schema.
  static var fields: [Field<Self>] { get }

  /// A message with every field at its default, to be filled.
  init(defaults: Void)
}

extension GeneratedMessage {
  @_semantics("optimize.sil.specialize.generic.never")
  public init(from decoder: any Decoder) throws {
    self.init(defaults: ())
    guard let values = try? decoder.container(keyedBy: FieldKey.self) else {
      throw MessageError(.type, at: decoder.codingPath)
    }
    for field in Self.fields { try field.column.read(&self, values) }
  }

  @_semantics("optimize.sil.specialize.generic.never")
  public func encode(to encoder: any Encoder) throws {
    var values = encoder.container(keyedBy: FieldKey.self)
    for field in Self.fields { try field.column.write(self, &values) }
  }

  @_semantics("optimize.sil.specialize.generic.never")
  public static func == (a: Self, b: Self) -> Bool {
    fields.allSatisfy { $0.column.isEqual(a, b) }
  }

  @_semantics("optimize.sil.specialize.generic.never")
  public func hash(into hasher: inout Hasher) {
    for field in Self.fields { field.column.hash(self, into: &hasher) }
  }

  public var hashValue: Int {
    _rawHashValue(seed: 0)
  }

  /// What the standard library calls; its own is compiled for each message.
  @_semantics("optimize.sil.specialize.generic.never")
  public func _rawHashValue(seed: Int) -> Int {
    var hasher = Hasher()
    hasher.combine(seed)
    hash(into: &hasher)
    return hasher.finalize()
  }
}

extension GeneratedMessage where Self: Redacting {
  /// Shows every field, and of a secret only whether it is set.
  @_semantics("optimize.sil.specialize.generic.never")
  public var customMirror: Mirror {
    var children: [Mirror.Child] = []
    for field in Self.fields where !children.contains(where: { $0.label == field.column.label }) {
      let shown = field.column.shown(self)
      children.append((field.column.label, field.isSecret && !isNil(shown) ? Redacted() : shown))
    }
    return Mirror(self, children: children)
  }
}

/// Whether a value is an optional without a value.
private func isNil(_ value: Any) -> Bool {
  let mirror = Mirror(reflecting: value)
  return mirror.displayStyle == .optional && mirror.children.isEmpty
}

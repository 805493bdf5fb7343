/// Why a message cannot be read or written. It names the field, never the value, which could be a
/// secret.
public struct MessageError: Error, Hashable, Sendable, CustomStringConvertible {
  public enum Kind: String, Hashable, Sendable {
    /// Not JSON, or nested too deeply.
    case syntax = "is not JSON"
    /// JSON of another type than the field's.
    case type = "has the wrong JSON type"
    /// A number out of range of the field's type, or a time out of range of the format.
    case range = "is out of range"
    /// A string without the form that the field requires.
    case format = "is malformed"
    /// A field that is always there is not.
    case missing = "is missing"
    /// A field or a map key that occurs twice.
    case duplicate = "is there twice"
    /// More than one member of a oneof.
    case oneof = "is of a oneof that has a member already"
    /// An `Any` of another type than the one asked for.
    case mismatch = "is a message of another type"
  }

  public let kind: Kind
  /// The location: field names and list positions, such as `workouts[3].endTime`. A map
  /// key, which is data, is `[*]`; the message itself is the empty string.
  public let path: String

  @usableFromInline init(_ kind: Kind, at path: [any CodingKey] = []) {
    self.kind = kind
    self.path = Self.render(path)
  }

  /// Converts an error of a coder, without the values that the errors of Foundation
  /// contain.
  init(_ error: any Error) {
    switch error {
    case let error as MessageError: self = error
    case DecodingError.typeMismatch(_, let context): self.init(.type, at: context.codingPath)
    case DecodingError.valueNotFound(_, let context): self.init(.type, at: context.codingPath)
    case DecodingError.keyNotFound(_, let context): self.init(.type, at: context.codingPath)
    case DecodingError.dataCorrupted(let context): self.init(.syntax, at: context.codingPath)
    case EncodingError.invalidValue(_, let context): self.init(.range, at: context.codingPath)
    default: self.init(.syntax)
    }
  }

  /// The path with the names of the schema, such as `workouts[3].end_time`; nil for the
  /// message itself.
  @usableFromInline var field: String? {
    guard !path.isEmpty else { return nil }
    return path.reduce(into: "") { $0 += $1.isUppercase ? "_\($1.lowercased())" : "\($1)" }
  }

  public var description: String {
    "\(path.isEmpty ? "the message" : path) \(kind.rawValue)"
  }

  private static func render(_ path: [any CodingKey]) -> String {
    path.reduce(into: "") { text, key in
      if let index = key.intValue {
        text += "[\(index)]"
      } else if key is FieldKey {
        text += text.isEmpty ? key.stringValue : "." + key.stringValue
      } else {
        text += "[*]"
      }
    }
  }
}

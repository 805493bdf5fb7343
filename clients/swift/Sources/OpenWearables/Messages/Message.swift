import Foundation

/// A protobuf message in its JSON form.
///
/// `Codable` reads and writes proto3 JSON (https://protobuf.dev/programming-guides/json):
/// unknown fields are ignored, null is the default, defaults are left out. It works with
/// any coder; ``init(jsonUTF8:)`` and ``jsonUTF8()`` throw errors that never contain a
/// value.
public protocol Message: Codable, FieldValue {
  /// The full name in the schema, such as `openwearables.v1.User`.
  static var messageName: String { get }
}

extension Message {
  /// Reads a message.
  @_semantics("optimize.sil.specialize.generic.never")
  public init(jsonUTF8 data: Data) throws(MessageError) {
    do {
      self = try JSONDecoder().decode(Self.self, from: data)
    } catch {
      throw MessageError(error)
    }
  }

  /// Writes a message, its members sorted by name.
  @_semantics("optimize.sil.specialize.generic.never")
  public func jsonUTF8() throws(MessageError) -> Data {
    do {
      let encoder = JSONEncoder()
      encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
      return try encoder.encode(self)
    } catch {
      throw MessageError(error)
    }
  }

  @_semantics("optimize.sil.specialize.generic.never")
  public static func read(from decoder: any Decoder) throws -> Self? {
    try Self(from: decoder)
  }

  @_semantics("optimize.sil.specialize.generic.never")
  public func write(to encoder: any Encoder) throws {
    try encode(to: encoder)
  }
}

import Foundation

/// A protobuf message in its JSON form (https://protobuf.dev/programming-guides/json): unknown
/// fields are ignored, null is the default, defaults are left out.
///
/// The objects of the API are `Codable` too, in the same form and with any coder.
public protocol Message: Sendable {
  /// The full name in the schema, such as `openwearables.v1.User`.
  static var messageName: String { get }

  /// Reads a message. No error contains a value.
  init(jsonUTF8 data: Data) throws(MessageError)

  /// Writes a message, its members sorted by name. No error contains a value.
  func jsonUTF8() throws(MessageError) -> Data
}

func readJSON<Value: Decodable>(_ type: Value.Type, _ data: Data, _ table: MessageTable? = nil)
  throws(MessageError) -> Value
{
  do {
    let decoder = JSONDecoder()
    decoder.userInfo[.table] = table
    return try decoder.decode(type, from: data)
  } catch { throw MessageError(error) }
}

func writeJSON(_ value: any Encodable) throws(MessageError) -> Data {
  do {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    return try encoder.encode(value)
  } catch { throw MessageError(error) }
}

extension CodingUserInfoKey {
  static let table = CodingUserInfoKey(rawValue: "OpenWearables.table")!
}

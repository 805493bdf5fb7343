import Foundation

extension Protobuf {
  /// `google.protobuf.Any`: a message with its type, in JSON only.
  public struct AnyMessage: WellKnownMessage, OtherValue {
    public static let table = MessageTable(
      "google.protobuf.Any", whole: Whole<AnyMessage>.self)

    /// Ends with a slash and the message's full name; empty if there is no message.
    public var typeURL: String
    /// The message's JSON without `@type`. A message whose JSON is not an object of its
    /// fields is under `value`.
    public var content: [String: Value]

    public init(typeURL: String, content: [String: Value] = [:]) {
      self.typeURL = typeURL
      self.content = content
    }

    public init() {
      self.init(typeURL: "")
    }

    /// Packs a message.
    @_alwaysEmitIntoClient
    public init(packing message: some Message) throws(MessageError) {
      let value = try readJSON(Coded<Value>.self, message.jsonUTF8()).value ?? .null
      typeURL = "type.googleapis.com/" + type(of: message).messageName
      if !(message is any WellKnownMessage), case .object(let fields) = value {
        content = fields
      } else {
        content = ["value": value]
      }
    }

    /// Unpacks the message. Throws a mismatch if it is of another type.
    @_alwaysEmitIntoClient
    public func unpack<Content: Message>(
      as type: Content.Type = Content.self
    ) throws(MessageError) -> Content {
      guard typeURL.components(separatedBy: "/").last(where: { !$0.isEmpty }) == Content.messageName
      else {
        throw MessageError(.mismatch)
      }
      let value = type is any WellKnownMessage.Type ? content["value"] ?? .null : .object(content)
      return try Content(jsonUTF8: writeJSON(Coded(value)))
    }

    public init(from decoder: any Decoder) throws {
      guard var content = try [String: Value].read(from: decoder) else {
        throw MessageError(.type, at: decoder.codingPath)
      }
      switch content.removeValue(forKey: "@type") {
      case .string(let url)?: self.init(typeURL: url, content: content)
      case nil: self.init()
      default: throw MessageError(.format, at: decoder.codingPath)
      }
    }

    public func encode(to encoder: any Encoder) throws {
      var fields = content
      if !typeURL.isEmpty { fields["@type"] = .string(typeURL) }
      try fields.write(to: encoder)
    }
  }
}

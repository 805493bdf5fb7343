import Foundation

/// Sends one message and returns one. Generated clients call nothing else.
public protocol UnaryTransport: Sendable {
  /// Cancelling the task ends the call.
  func unary<Input: Message, Output: Message>(
    _ method: MethodDescriptor, _ input: Input, options: CallOptions
  ) async throws -> Response<Output>
}

/// The properties of a method that a transport needs.
public struct MethodDescriptor: Hashable, Sendable {
  public enum Idempotency: Hashable, Sendable {
    /// A call whose response was lost must not be repeated.
    case unknown
    /// Reads only.
    case noSideEffects
    /// Repeating it changes nothing more.
    case idempotent
  }

  /// Where a request holds its credential.
  public enum Proof: Hashable, Sendable {
    /// In a header.
    case header
    /// In its body; none is sent in a header.
    case body
    /// In its body, else in a header.
    case either
  }

  /// Which Idempotency-Key a request carries.
  public enum IdempotencyKey: Hashable, Sendable {
    case none
    /// One for each call, sent with every attempt.
    case perCall
    /// One for each credential, stored beside it; never one for a single call.
    case perCredential
  }

  /// The path below the base URL without a leading slash:
  /// `openwearables.v1.UserService/GetUser`.
  public let procedure: String
  public let idempotency: Idempotency
  public let proof: Proof
  public let idempotencyKey: IdempotencyKey

  public init(
    procedure: String, idempotency: Idempotency = .unknown, proof: Proof = .header,
    idempotencyKey: IdempotencyKey = .none
  ) {
    self.procedure = procedure
    self.idempotency = idempotency
    self.proof = proof
    self.idempotencyKey = idempotencyKey
  }
}

/// The options of one call.
public struct CallOptions: Sendable, Redacting {
  /// Headers to send with the call.
  public var headers: [String: String]
  /// Seconds that the call may take, retries included; nil for the client's default.
  public var timeout: TimeInterval?
  /// A person has just asked for the call: it does not wait for the end of the time in which
  /// the session is not renewed again, unless the server asked for that. It may try once more
  /// to get a token.
  public var userInitiated: Bool

  public init(
    headers: [String: String] = [:], timeout: TimeInterval? = nil, userInitiated: Bool = false
  ) {
    self.headers = headers
    self.timeout = timeout
    self.userInitiated = userInitiated
  }

  public var customMirror: Mirror {
    Mirror(
      self,
      children: [
        "headers": headers.keys.sorted(), "timeout": timeout as Any,
        "userInitiated": userInitiated,
      ])
  }
}

/// A response: its message, whose fields are also its own members, and its headers.
@dynamicMemberLookup
public struct Response<Body: Message>: Sendable, Redacting {
  public var body: Body
  /// By lower-case name.
  public var headers: [String: String]

  public init(body: Body, headers: [String: String] = [:]) {
    self.body = body
    self.headers = headers
  }

  public subscript<Field>(dynamicMember field: KeyPath<Body, Field>) -> Field {
    body[keyPath: field]
  }

  public var customMirror: Mirror {
    Mirror(self, children: ["body": body, "headers": headers.keys.sorted()])
  }
}

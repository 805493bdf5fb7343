import Foundation

/// Sends one message and answers one. Generated clients call nothing else.
public protocol UnaryTransport: Sendable {
  /// Cancelling the task ends the call.
  func unary<Input: Message, Output: Message>(
    _ method: MethodDescriptor, _ input: Input, options: CallOptions
  ) async throws -> Response<Output>
}

/// What a transport must know of a method.
public struct MethodDescriptor: Hashable, Sendable {
  public enum Idempotency: Hashable, Sendable {
    /// A call that was lost must not be repeated on a guess.
    case unknown
    /// Reads only.
    case noSideEffects
    /// Repeating it changes nothing more.
    case idempotent
  }

  /// The path below the base URL without a slash in front: `openwearables.v1.UserService/GetUser`.
  public let procedure: String
  public let idempotency: Idempotency

  public init(procedure: String, idempotency: Idempotency = .unknown) {
    self.procedure = procedure
    self.idempotency = idempotency
  }
}

/// What one call asks for beyond its message.
public struct CallOptions: Sendable, Redacting {
  /// Sent with the call.
  public var headers: [String: String]
  /// Seconds that the call may take, retries included; nil for the client's default.
  public var timeout: TimeInterval?

  public init(headers: [String: String] = [:], timeout: TimeInterval? = nil) {
    self.headers = headers
    self.timeout = timeout
  }

  public var customMirror: Mirror {
    Mirror(self, children: ["headers": headers.keys.sorted(), "timeout": timeout as Any])
  }
}

/// An answer: its message, whose fields it also has itself, and its headers.
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

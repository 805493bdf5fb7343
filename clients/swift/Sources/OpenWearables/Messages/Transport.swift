import Foundation

/// Sends one message and returns one. Generated clients call nothing else.
public protocol UnaryTransport: Sendable {
  /// Cancelling the task ends the call, with an error of the kind `canceled`.
  func unary<Input: Message, Output: Message>(
    _ method: MethodDescriptor, _ input: Input, options: CallOptions
  ) async throws(APIError) -> Response<Output>
}

/// A transport as one pointer: what holds only that needs no code of its own to be copied.
public final class SharedTransport: Sendable {
  public let base: any UnaryTransport
  public init(_ base: any UnaryTransport) { self.base = base }
}

/// A method of a service, which is called like a function:
/// `try await ow.users.rpc.getUser(GetUserRequest(id: id))`.
public struct Call<Input: Message, Output: Message>: Sendable {
  private let method: MethodDescriptor
  private let transport: any UnaryTransport

  public init(_ method: MethodDescriptor, _ transport: any UnaryTransport) {
    self.method = method
    self.transport = transport
  }

  @_semantics("optimize.sil.specialize.generic.never")
  @inline(never)
  public func callAsFunction(_ request: Input, options: CallOptions = CallOptions())
    async throws(APIError) -> Response<Output>
  {
    try await transport.unary(method, request, options: options)
  }
}

/// The cursor of a page: a text that may be absent or empty.
public protocol PageCursor: Sendable {
  init(cursor: String)
  var cursor: String? { get }
}

extension String: PageCursor {
  public init(cursor: String) { self = cursor }
  public var cursor: String? { self }
}

extension Optional: PageCursor where Wrapped == String {
  public init(cursor: String) { self = cursor }
  public var cursor: String? { self }
}

extension UnaryTransport {
  /// Returns the items of a method that returns pages, beginning with the page of `request`.
  @_alwaysEmitIntoClient
  @_semantics("optimize.sil.specialize.generic.never")
  public func pages<Input: Message, Output: Message, Item: Sendable>(
    _ method: MethodDescriptor, _ request: Input, options: CallOptions,
    cursor: WritableKeyPath<Input, some PageCursor> & Sendable,
    items: KeyPath<Output, [Item]> & Sendable, next: KeyPath<Output, some PageCursor> & Sendable
  ) -> PagedSequence<Item> {
    PagedSequence { from in
      var page = request
      if let from { page[keyPath: cursor] = .init(cursor: from) }
      let response: Response<Output> = try await self.unary(method, page, options: options)
      return (response.body[keyPath: items], response.body[keyPath: next].cursor)
    }
  }
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
  /// Names the call for the server, which answers a repetition of it as it did the first time;
  /// nil for one of the client's own, if the method takes any. Give your own to repeat a call
  /// after the app was killed. Up to 255 visible characters.
  public var idempotencyKey: String?
  /// A person has just asked for the call: it does not wait for the end of the time in which
  /// the session is not renewed again, unless the server asked for that. It may try once more
  /// to get a token.
  public var userInitiated: Bool

  public init(
    headers: [String: String] = [:], timeout: TimeInterval? = nil, idempotencyKey: String? = nil,
    userInitiated: Bool = false
  ) {
    self.headers = headers
    self.timeout = timeout
    self.idempotencyKey = idempotencyKey
    self.userInitiated = userInitiated
  }

  public var customMirror: Mirror {
    Mirror(
      self,
      children: [
        "headers": names(of: headers), "timeout": timeout as Any,
        "idempotencyKey": idempotencyKey as Any, "userInitiated": userInitiated,
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
    Mirror(self, children: ["body": body, "headers": names(of: headers)])
  }
}

private func names(of headers: [String: String]) -> [String] {
  headers.keys.reduce(into: []) { names, name in
    names.insert(name, at: names.firstIndex { name < $0 } ?? names.endIndex)
  }
}

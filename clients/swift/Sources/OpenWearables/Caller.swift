import Foundation

/// Sends every call of a client: sets the deadline and the credential, retries what is safe
/// to retry, and returns typed errors.
final class Caller: UnaryTransport {
  enum Credential: Sendable {
    case none
    case key(Secret)
    case session(UserSession)
  }

  let connect: Connect
  let credential: Credential
  let timeout: TimeInterval
  let retries: Int
  /// Bytes that a response may have after unpacking.
  let maxResponseBytes: Int
  let emitter: EventEmitter
  /// The end of the API key's life that was reported last.
  private let sunset = Locked<TimeInterval>(0)
  /// Sends calls without side effects by GET.
  private let readsInURL: Bool
  /// Of the calls under way: more of them wait for one of these to end.
  private let places = Turn(places: Caller.mostCalls)
  static let mostCalls = 64

  init(
    _ connect: Connect, _ credential: Credential, _ options: OpenWearablesClient.Options,
    _ emitter: EventEmitter
  ) {
    self.connect = connect
    self.credential = credential
    self.emitter = emitter
    timeout = options.timeout
    retries = min(max(options.retries, 0), 2)
    maxResponseBytes = options.maxResponseBytes
    readsInURL = options.readsInURL
  }

  @_semantics("optimize.sil.specialize.generic.never")
  @inline(never)
  func unary<Input: Message, Output: Message>(
    _ method: MethodDescriptor, _ input: Input, options: CallOptions
  ) async throws(APIError) -> Response<Output> {
    let response = try await send(method, try json(input), options)
    return Response(body: try message(response.body), headers: response.headers)
  }

  @_semantics("optimize.sil.specialize.generic.never")
  private func json(_ input: some Message) throws(APIError) -> Data {
    do throws(MessageError) { return try input.jsonUTF8() } catch {
      throw .invalid("the request cannot be written: \(error)", field: error.field)
    }
  }

  @_semantics("optimize.sil.specialize.generic.never")
  private func message<Output: Message>(_ body: Data) throws(APIError) -> Output {
    do throws(MessageError) { return try Output(jsonUTF8: body) } catch {
      throw .unreadable("\(error)")
    }
  }

  private func send(_ method: MethodDescriptor, _ body: Data, _ options: CallOptions)
    async throws(APIError) -> UnaryResponse
  {
    let seconds = options.timeout ?? timeout
    guard seconds > 0 else { throw .invalid("the timeout must be positive", field: "timeout") }
    guard maxResponseBytes > 0 else {
      throw .invalid("maxResponseBytes must be positive", field: "maxResponseBytes")
    }
    let deadline = Deadline(in: seconds)
    try await places.take(by: deadline)
    defer { places.pass() }
    var call = UnaryRequest(procedure: method.procedure, body: body)
    for (name, value) in options.headers {
      guard (name + value).unicodeScalars.allSatisfy({ $0.value >= 0x20 && $0.value != 0x7f })
      else {
        throw .invalid(
          "the header \(name.filter(\.isLetter)) contains a control character", field: "headers")
      }
      call.headers[name.lowercased()] = value
    }
    call.inURL = readsInURL && method.idempotency == .noSideEffects
    if let key = options.idempotencyKey {
      guard key.utf8.allSatisfy({ (0x21...0x7e).contains($0) }), (1...255).contains(key.utf8.count)
      else {
        throw .invalid(
          "the idempotency key must have 1 to 255 visible characters", field: "idempotencyKey")
      }
      call.headers["idempotency-key"] = key
    }
    if method.idempotencyKey == .perCall, call.headers["idempotency-key"] == nil {
      call.headers["idempotency-key"] = randomKey()
    }
    var sent: String?
    if method.proof != .body {
      sent = try await token(refused: nil, options, by: deadline)
      call.headers["authorization"] = sent.map { "Bearer \($0)" }
    }
    let isSafe = method.idempotency != .unknown || call.headers["idempotency-key"] != nil
    let limit =
      method.hasSmallResponse
      ? min(maxResponseBytes, Connect.maxTokenResponse) : maxResponseBytes
    return try await repeated(
      call, isSafe: isSafe, limit: limit, sent: sent, options, by: deadline)
  }

  /// Sends a call. It is sent once more with another token if its token was refused, and up
  /// to `retries` times more after transient failures if repeating it is safe.
  private func repeated(
    _ first: UnaryRequest, isSafe: Bool, limit: Int, sent firstToken: String?,
    _ options: CallOptions, by deadline: Deadline
  ) async throws(APIError) -> UnaryResponse {
    var call = first
    var sent = firstToken
    var replayed = false
    var n = 0
    while true {
      do throws(APIError) {
        let response = try await connect.send(call, limit: limit, by: deadline)
        observe(response.headers)
        return response
      } catch {
        observe(error.headers)
        if error.code == .unauthenticated, renews, !replayed, let refused = sent {
          replayed = true
          sent = try await token(refused: refused, options, by: deadline)
          call.headers["authorization"] = sent.map { "Bearer \($0)" }
        } else if isSafe, n < retries, error.isRetryable {
          n += 1
          try await pauseBefore(n, error, by: deadline)
        } else {
          throw error
        }
      }
    }
  }

  private var renews: Bool { if case .session = credential { true } else { false } }

  private func token(
    refused: String?, _ options: CallOptions, by deadline: Deadline
  ) async throws(APIError) -> String? {
    switch credential {
    case .none: return nil
    case .key(let key): return key.reveal()
    case .session(let session):
      return try await session.bearer(
        refused: refused, userInitiated: options.userInitiated, by: deadline)
    }
  }

  private func observe(_ headers: [String: String]) {
    guard case .key = credential, headers["deprecation"] != nil,
      let end = httpDate(headers["sunset"])
    else { return }
    let isNew = sunset.with { known in
      defer { known = end }
      return known != end
    }
    if isNew { emitter.emit([.keyRotated(sunset: Date(timeIntervalSince1970: end))]) }
  }
}

extension MethodDescriptor {
  /// The response holds one object or a token pair.
  fileprivate var hasSmallResponse: Bool { proof != .header || idempotencyKey != .none }
}

extension Caller: Redacting {
  var customMirror: Mirror {
    Mirror(self, children: ["baseURL": (try? connect.base.get())?.string ?? ""])
  }
}

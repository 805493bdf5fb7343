import Foundation

/// The error of every call of this package. It contains no secret.
public struct APIError: Error, Sendable {
  /// What a caller can do about it. Every error has exactly one kind.
  public enum Kind: String, Sendable, Hashable, CaseIterable {
    /// No credential, or one that the server refuses.
    case unauthenticated
    /// The server ended the session: sign in again.
    case sessionExpired = "session_expired"
    /// The credential does not permit the call.
    case forbidden
    /// The object that the call names does not exist.
    case notFound = "not_found"
    /// The request or an option must change.
    case invalid
    /// Wait for ``APIError/retryAfter``.
    case rateLimited = "rate_limited"
    /// The call conflicts with existing data, such as an email in use, or with another call.
    case conflict
    /// The server, or a proxy in front of it, is failing.
    case unavailable
    /// The deadline passed.
    case timeout
    /// No response came.
    case offline
    /// The task was cancelled.
    case canceled
    /// The session's store cannot be used; the session is not lost.
    case storageUnavailable = "storage_unavailable"
    /// Anything else.
    case `internal`

    /// Compiled once. The standard library's is compiled wherever it is used.
    @inline(never) public static func == (a: Kind, b: Kind) -> Bool { a.rawValue == b.rawValue }
  }

  /// The code of the [Connect protocol](https://connectrpc.com/docs/protocol).
  public enum Code: String, Sendable, Hashable, CaseIterable {
    case canceled
    case unknown
    case invalidArgument = "invalid_argument"
    case deadlineExceeded = "deadline_exceeded"
    case notFound = "not_found"
    case alreadyExists = "already_exists"
    case permissionDenied = "permission_denied"
    case resourceExhausted = "resource_exhausted"
    case failedPrecondition = "failed_precondition"
    case aborted
    case outOfRange = "out_of_range"
    case unimplemented
    case `internal`
    case unavailable
    case dataLoss = "data_loss"
    case unauthenticated

    /// Compiled once. The standard library's is compiled wherever it is used.
    @inline(never) public static func == (a: Code, b: Code) -> Bool { a.rawValue == b.rawValue }
  }

  /// A stable snake_case word for the cause: the server's, or one of the constants.
  public struct Reason: RawRepresentable, Hashable, Sendable, ExpressibleByStringLiteral,
    CustomStringConvertible
  {
    public let rawValue: String
    public init(rawValue: String) { self.rawValue = rawValue }
    public init(stringLiteral value: String) { rawValue = value }
    public var description: String { rawValue }

    /// The server ended the session.
    public static let sessionExpired: Reason = "session_expired"
    /// Nobody is signed in.
    public static let signedOut: Reason = "signed_out"
    /// No response came.
    public static let offline: Reason = "offline"
    /// The session's store cannot be used.
    public static let storageUnavailable: Reason = "storage_unavailable"
    /// A base URL, a credential or an option can never work.
    public static let invalidOption: Reason = "invalid_option"
    /// A proxy or a captive portal answered in place of the server, or the base URL
    /// redirects.
    public static let foreignAnswer: Reason = "foreign_answer"
    /// The response is larger than ``OpenWearablesClient/Options/maxResponseBytes``, cannot be decoded, or
    /// lacks what the call returns. The call is not repeated.
    public static let invalidResponse: Reason = "invalid_response"
    /// The app's token provider failed.
    public static let tokenProviderFailed: Reason = "token_provider_failed"
    /// The token has expired, and renewing it is left to another process.
    public static let refreshElsewhere: Reason = "refresh_elsewhere"
  }

  /// A field that was refused, such as `workouts[3].end_time`.
  public struct FieldViolation: Sendable, Hashable {
    /// Its path in the request.
    public let field: String
    /// What is wrong with it, for people.
    public let message: String

    @usableFromInline init(field: String, message: String) {
      self.field = field
      self.message = message
    }
  }

  /// A typed detail of the response, in protobuf's binary form.
  public struct Detail: Sendable, Hashable {
    /// The full name of the message, such as `openwearables.v1.ErrorDetail`.
    public let type: String
    public let value: Data
  }

  /// What a caller can do about it.
  public var kind: Kind { box.content.kind }
  /// The code of the response, or the closest one if none came.
  public var code: Code { box.content.code }
  /// The cause as a stable word; nil if it is unknown.
  public internal(set) var reason: Reason? {
    get { box.content.reason }
    set { unshared.content.reason = newValue }
  }
  /// A sentence for people: at most 1 KB, without control characters and characters that
  /// change the direction of text.
  public var message: String { box.content.message }
  /// Identifies the request in the server's log.
  public internal(set) var requestID: String? {
    get { box.content.requestID }
    set { unshared.content.requestID = newValue }
  }
  public internal(set) var fields: [FieldViolation] {
    get { box.content.fields }
    set { unshared.content.fields = newValue }
  }
  /// How long to wait, in seconds: as the server asks, or what is left of the time in which
  /// the session is not renewed again.
  public internal(set) var retryAfter: TimeInterval? {
    get { box.content.retryAfter }
    set { unshared.content.retryAfter = newValue }
  }
  /// The scope that the API key lacks, with the reason `insufficient_scope`.
  public internal(set) var requiredScope: String? {
    get { box.content.requiredScope }
    set { unshared.content.requiredScope = newValue }
  }
  /// The details of the response, unchanged.
  public internal(set) var details: [Detail] {
    get { box.content.details }
    set { unshared.content.details = newValue }
  }
  /// The headers of the response, by name in lower case.
  public internal(set) var headers: [String: String] {
    get { box.content.headers }
    set { unshared.content.headers = newValue }
  }
  /// The error of the store, the token provider or the network. No description of this
  /// error includes it, because it could print a secret.
  public var underlyingError: (any Error)? { box.content.underlyingError }

  /// The status of a response that did not come from the API.
  var foreignStatus: Int? {
    get { box.content.foreignStatus }
    set { unshared.content.foreignStatus = newValue }
  }
  /// The response is a Connect error of the server.
  var isConnectError: Bool {
    get { box.content.isConnectError }
    set { unshared.content.isConnectError = newValue }
  }
  /// The response came and cannot be used. Repeating the call would bring it again.
  var isFinal: Bool {
    get { box.content.isFinal }
    set { unshared.content.isFinal = newValue }
  }
  /// The server itself asked to wait, and not only this package's cooldown.
  var asksToWait: Bool {
    get { box.content.asksToWait }
    set { unshared.content.asksToWait = newValue }
  }
  /// The message as the server sent it, at most 1024 characters. Unlike ``message``, it is not fit for
  /// a terminal or a log.
  @_spi(Conformance) public internal(set) var rawMessage: String? {
    get { box.content.rawMessage }
    set { unshared.content.rawMessage = newValue }
  }

  /// An error is one pointer, since every call returns one or a value.
  private var box: Box

  /// `@unchecked Sendable` because its content changes only while one owner has it.
  private final class Box: @unchecked Sendable {
    var content: Content
    init(_ content: Content) { self.content = content }
  }

  private struct Content: Sendable {
    let kind: Kind
    let code: Code
    var reason: Reason?
    let message: String
    let underlyingError: (any Error)?
    var requestID: String?
    var fields: [FieldViolation] = []
    var retryAfter: TimeInterval?
    var requiredScope: String?
    var details: [Detail] = []
    var headers: [String: String] = [:]
    var foreignStatus: Int?
    var isConnectError = false
    var isFinal = false
    var asksToWait = false
    var rawMessage: String?
  }

  /// The content, to be changed.
  private var unshared: Box {
    @inline(never) mutating get {
      if !isKnownUniquelyReferenced(&box) { box = Box(box.content) }
      return box
    }
  }

  /// An error of a transport of your own, or of a test.
  public init(
    _ kind: Kind, code: Code? = nil, reason: Reason? = nil, _ message: String,
    retryAfter: TimeInterval? = nil, underlying: (any Error)? = nil
  ) {
    self.init(kind, code ?? kind.code, reason, message, underlying: underlying)
    self.retryAfter = retryAfter
  }

  init(
    _ kind: Kind, _ code: Code, _ reason: Reason? = nil, _ message: String,
    underlying: (any Error)? = nil
  ) {
    box = Box(
      Content(
        kind: kind, code: code, reason: reason, message: message, underlyingError: underlying))
  }
}

extension APIError {
  /// There is no credential, or it was refused; includes an ended session.
  public var isUnauthenticated: Bool { kind == .unauthenticated || kind == .sessionExpired }
  /// The server ended the session: sign in again.
  public var isSessionExpired: Bool { kind == .sessionExpired }
  /// The credential does not permit the call.
  public var isForbidden: Bool { kind == .forbidden }
  /// The object that the call names does not exist.
  public var isNotFound: Bool { kind == .notFound }
  /// The request or an option must change.
  public var isInvalid: Bool { kind == .invalid }
  /// ``retryAfter`` must pass first.
  public var isRateLimited: Bool { kind == .rateLimited }
  /// The call conflicts with existing data, such as an email in use, or with another call.
  public var isConflict: Bool { kind == .conflict }
  /// The server, or a proxy in front of it, is failing.
  public var isUnavailable: Bool { kind == .unavailable }
  /// The deadline passed.
  public var isTimeout: Bool { kind == .timeout }
  /// No response came.
  public var isOffline: Bool { kind == .offline }
  /// The task was cancelled.
  public var isCanceled: Bool { kind == .canceled }
  /// The session's store cannot be read or written. The session is not lost.
  public var isStorageUnavailable: Bool { kind == .storageUnavailable }
}

extension APIError: LocalizedError, CustomStringConvertible, CustomDebugStringConvertible,
  CustomReflectable
{
  /// The message, with the reason, the request id and the fields that the message does not
  /// tell.
  public var description: String {
    var notes: [String] = []
    if let reason { notes.append(reason.rawValue) }
    if let requestID { notes.append("request \(requestID)") }
    let untold = fields.filter {
      message != $0.message && message != "\($0.field): \($0.message)"
    }
    notes += untold.prefix(8).map { "\($0.field): \($0.message)" }
    if untold.count > 8 { notes.append("and \(untold.count - 8) more fields") }
    return notes.isEmpty ? message : "\(message) (\(notes.joined(separator: ", ")))"
  }

  public var debugDescription: String { "APIError.\(kind): \(description)" }
  /// The message, which an app can show to people.
  public var errorDescription: String? { message }
  public var customMirror: Mirror {
    Mirror(self, children: ["kind": kind, "code": code, "description": description])
  }
}

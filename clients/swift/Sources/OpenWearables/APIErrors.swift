import Foundation

#if canImport(FoundationNetworking)
  import FoundationNetworking
#endif

// MARK: - The errors of this package

extension APIError {
  /// `field` is the option or argument that is wrong.
  @usableFromInline package static func invalid(_ message: String, field: String? = nil) -> APIError
  {
    var error = APIError(.invalid, .invalidArgument, .invalidOption, message)
    if let field { error.fields = [FieldViolation(field: field, message: message)] }
    return error
  }

  @usableFromInline static func canceled() -> APIError {
    APIError(
      .canceled, .canceled, nil, "the caller's task was cancelled",
      underlying: CancellationError())
  }

  /// Returns an error that a call threw as one of this package.
  @usableFromInline static func of(_ error: any Error) -> APIError {
    switch error {
    case let error as APIError: error
    case is CancellationError: .canceled()
    default: APIError(.internal, .unknown, nil, words(of: error), underlying: error)
    }
  }

  /// Returns the error with other fields that were refused.
  @usableFromInline func naming(_ fields: [FieldViolation]) -> APIError {
    var error = self
    error.fields = fields
    return error
  }

  /// Returns the error with how long to wait.
  func waiting(_ seconds: TimeInterval) -> APIError {
    var error = self
    error.retryAfter = seconds
    return error
  }

  static func timeout() -> APIError {
    APIError(.timeout, .deadlineExceeded, nil, "the deadline passed")
  }

  @usableFromInline static func offline(_ cause: any Error) -> APIError {
    let code = (cause as? URLError).map { " (URLError \($0.errorCode))" } ?? ""
    return APIError(.offline, .unavailable, .offline, "no answer came\(code)", underlying: cause)
  }

  static func storage(_ cause: any Error) -> APIError {
    if let known = cause as? APIError, known.kind == .storageUnavailable { return known }
    let why = (cause as? StoreError)?.description ?? "\(type(of: cause))"
    return APIError(
      .storageUnavailable, .unavailable, .storageUnavailable,
      "the session's store cannot be used: \(why)", underlying: cause)
  }

  @usableFromInline static func signedOut(_ cause: (any Error)? = nil) -> APIError {
    APIError(
      .unauthenticated, .unauthenticated, .signedOut, "nobody is signed in", underlying: cause)
  }

  /// The error of a provider that threw `cause`, with its message if it has one.
  static func providerFailed(_ cause: any Error) -> APIError {
    let known = cause as? APIError
    var error = APIError(
      .unavailable, .unavailable, .tokenProviderFailed,
      printable("the token provider failed: \(masked(words(of: cause)))"), underlying: cause)
    error.retryAfter = known?.retryAfter
    error.asksToWait = known?.asksToWait ?? false
    return error
  }

  static func sessionExpired(_ cause: APIError) -> APIError {
    var error = APIError(
      .sessionExpired, .unauthenticated, .sessionExpired,
      "the session has ended, sign in again: \(cause.reason?.rawValue ?? cause.message)",
      underlying: cause)
    error.requestID = cause.requestID
    return error
  }

  /// The error of a response that is more than `limit` bytes.
  static func tooLarge(_ limit: Int) -> APIError {
    unusable(
      "the answer is larger than \(limit) bytes: ask for less at once, or raise maxResponseBytes")
  }

  /// The error of a response that is not what its headers say.
  @usableFromInline static func unreadable(_ why: String) -> APIError {
    unusable("the answer cannot be read: \(why)")
  }

  static func unusableTokens() -> APIError { unusable("the answer holds no usable token pair") }

  @usableFromInline static func incomplete() -> APIError { unusable("the answer is incomplete") }

  static func noEnd() -> APIError { unusable("the pages of the list never end") }

  private static func unusable(_ message: String) -> APIError {
    var error = APIError(.internal, .internal, .invalidResponse, message)
    error.isFinal = true
    return error
  }
}

extension APIError.Kind {
  /// The code that an error of this kind has if none came.
  var code: APIError.Code {
    switch self {
    case .unauthenticated, .sessionExpired: .unauthenticated
    case .forbidden: .permissionDenied
    case .notFound: .notFound
    case .invalid: .invalidArgument
    case .rateLimited: .resourceExhausted
    case .conflict: .alreadyExists
    case .unavailable, .offline, .storageUnavailable: .unavailable
    case .timeout: .deadlineExceeded
    case .canceled: .canceled
    case .internal: .internal
    }
  }
}

extension APIError.Code {
  var kind: APIError.Kind {
    switch self {
    case .unauthenticated: .unauthenticated
    case .permissionDenied: .forbidden
    case .notFound: .notFound
    case .invalidArgument, .failedPrecondition, .outOfRange: .invalid
    case .resourceExhausted: .rateLimited
    case .alreadyExists, .aborted: .conflict
    case .unavailable: .unavailable
    case .deadlineExceeded: .timeout
    case .canceled: .canceled
    case .unknown, .unimplemented, .internal, .dataLoss: .internal
    }
  }
}

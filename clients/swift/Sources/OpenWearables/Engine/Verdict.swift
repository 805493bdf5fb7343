import Foundation

#if canImport(FoundationNetworking)
  import FoundationNetworking
#endif

/// What the outcome of a refresh attempt means for the session.
enum Verdict: Sendable, Equatable {
  /// Try again with the same retry key.
  case transient
  /// Try again when the server says.
  case limited
  /// Another process spent the token moments ago.
  case raced
  /// The session has ended.
  case dead
  /// A 401 without a known reason.
  case doubtful
  /// Another attempt would end in the same way; the session is not the cause.
  case misconfigured
}

extension APIError {
  /// The meaning of a failed attempt. Only an explicit reason from the server ends a
  /// session.
  var verdict: Verdict {
    if isFinal { return .misconfigured }
    if kind == .rateLimited { return .limited }
    if code == .unauthenticated {
      if foreignStatus != nil { return .doubtful }  // whatever a gateway says
      switch reason {
      case "refresh_token_used": return .raced
      case "invalid_refresh_token", "refresh_token_reused": return .dead
      default: return .doubtful
      }
    }
    if foreignStatus != nil { return .transient }
    switch code {
    case .permissionDenied, .invalidArgument, .unimplemented, .notFound, .failedPrecondition,
      .outOfRange:
      return .misconfigured
    default: return .transient
    }
  }

  /// Reports whether the failure is transient: no response, a request that did not arrive in
  /// time, 429, 500, 503, or 502 or 504 of a gateway. A response that is too large or cannot
  /// be read is not.
  var isRetryable: Bool {
    if isFinal { return false }
    if let foreignStatus { return [408, 429, 500, 502, 503, 504].contains(foreignStatus) }
    return kind == .offline || kind == .unavailable || kind == .rateLimited
      || code == .internal && isConnectError || reason == "idempotency_in_progress"
      || reason == "request_timeout"
  }
}

extension APIError {
  /// No answer came, to this package or to the app's token provider.
  var isUnanswered: Bool {
    if reason == .tokenProviderFailed {
      if let cause = underlyingError as? APIError { return cause.isUnanswered }
      return underlyingError is URLError
    }
    return kind == .offline || kind == .timeout && !isConnectError
  }
}

/// How long the engine waits, in seconds.
@usableFromInline enum Wait {
  @usableFromInline static let call: TimeInterval = 30
  static let renewal: TimeInterval = 35
  static let attempt: TimeInterval = 10
  /// Longer than an attempt.
  static let lock: TimeInterval = 12
  static let store: TimeInterval = 5
  /// For the winner's pair to be stored.
  static let race: TimeInterval = 2
  static let racePoll: TimeInterval = 0.1
  /// Between the two doubtful verdicts that end a session.
  static let doubtApart: TimeInterval = 5
  /// Before a token that replaced a refused one is replaced for a refusal of its own.
  static let refusalApart: TimeInterval = 10
  /// Before a failed save is tried again.
  static let save: TimeInterval = 5
  static let maxCooldown: TimeInterval = 60
  /// The longest wait or life that anybody can state: 31 years, which every sum can hold.
  static let longest: TimeInterval = 1e9

  /// Returns the full-jitter wait before the retry after `n` failures.
  @usableFromInline static func backoff(_ n: Int) -> TimeInterval {
    .random(in: 0.001...min(8, 0.25 * pow(2, Double(n - 1))))
  }

  /// Returns how long no renewal starts after `n` failed ones in a row: what the server asks
  /// for, up to a minute; at most 2 s if no answer came; else 5 to 10 s, doubling up to a
  /// minute.
  static func cooldown(_ n: Int, _ error: APIError) -> TimeInterval {
    if let wait = error.retryAfter, wait > 0 { return min(wait, maxCooldown) }
    if error.isUnanswered { return .random(in: 1...2) }
    let base = min(5 * pow(2, Double(min(n, 10) - 1)), maxCooldown / 2)
    return base + .random(in: 0..<base)
  }

  /// Returns how long no token is revoked after `n` failed rounds behind other calls: 3 s,
  /// doubling up to a minute, and at least what the server asks for.
  static func revocation(_ n: Int, _ error: APIError) -> TimeInterval {
    let own = n == 0 ? 0 : min(3 * pow(2, Double(min(n, 10) - 1)), maxCooldown)
    return max(own, error.retryAfter ?? 0)
  }

  /// Returns how many attempts a renewal makes after `n` failed ones. After a failure, one
  /// is enough to find out that the server is back.
  static func attempts(after n: Int) -> Int { n == 0 ? 4 : 1 }
}

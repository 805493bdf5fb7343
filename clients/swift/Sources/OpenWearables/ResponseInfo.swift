import Foundation

/// The rate limit of a caller.
public struct RateLimit: Sendable, Hashable {
  /// Calls allowed in a window.
  public let limit: Int
  /// Calls left in the current window.
  public let remaining: Int
  /// When the next window begins.
  public let reset: Date

  init?(_ headers: [String: String]) {
    guard let limit = headers["x-ratelimit-limit"].flatMap(Int.init),
      let remaining = headers["x-ratelimit-remaining"].flatMap(Int.init),
      let reset = headers["x-ratelimit-reset"].flatMap(Double.init)
    else { return nil }
    self.limit = limit
    self.remaining = remaining
    self.reset = Date(timeIntervalSince1970: reset)
  }
}

extension Response {
  /// Identifies the request in the server's log.
  public var requestID: String? { headers["x-request-id"].map(printable) }
  /// The caller's rate limit after the call.
  public var rateLimit: RateLimit? { RateLimit(headers) }
  /// The server repeated an earlier answer to the same Idempotency-Key.
  public var isReplayed: Bool { headers["idempotent-replayed"] == "true" }
}

extension APIError {
  /// The caller's rate limit after the call.
  public var rateLimit: RateLimit? { RateLimit(headers) }
}

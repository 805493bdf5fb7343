import Foundation

/// Where a caller stands.
public struct RateLimit: Sendable, Hashable {
  /// Calls in a window.
  public let limit: Int
  /// Calls left in this one.
  public let remaining: Int
  /// When the next one begins.
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
  /// Names the answer in the server's log.
  public var requestID: String? { headers["x-request-id"] }
  /// Where the caller stands after the call.
  public var rateLimit: RateLimit? { RateLimit(headers) }
  /// The server repeated an earlier answer to the same Idempotency-Key.
  public var isReplayed: Bool { headers["idempotent-replayed"] == "true" }
}

extension APIError {
  /// Where the caller stands after the call.
  public var rateLimit: RateLimit? { RateLimit(headers) }
}

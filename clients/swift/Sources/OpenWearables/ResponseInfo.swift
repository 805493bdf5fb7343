import Foundation

/// The rate limit of a caller.
public struct RateLimit: Sendable, Hashable {
  /// Calls allowed in a window.
  public let limit: Int
  /// Calls left in the current window.
  public let remaining: Int
  /// When the next window begins.
  public let reset: Date

  @_alwaysEmitIntoClient
  init?(_ headers: [String: String]) {
    guard let limit = headers["x-ratelimit-limit"].flatMap(Int.init),
      let remaining = headers["x-ratelimit-remaining"].flatMap(Int.init),
      let reset = headers["x-ratelimit-reset"].flatMap(Double.init), (0...maxUnix).contains(reset)
    else { return nil }
    self.limit = limit
    self.remaining = remaining
    self.reset = Date(timeIntervalSince1970: reset)
  }
}

/// The last second of the year 9999.
@_alwaysEmitIntoClient
var maxUnix: TimeInterval { 253_402_300_799 }

/// The request id of a response; nil if it has none.
func requestID(_ headers: [String: String]) -> String? {
  headers["x-request-id"].flatMap { $0.isEmpty ? nil : printable($0) }
}

extension Response {
  /// Identifies the request in the server's log.
  public var requestID: String? { OpenWearables.requestID(headers) }
  /// The caller's rate limit after the call.
  @_alwaysEmitIntoClient
  public var rateLimit: RateLimit? { RateLimit(headers) }
  /// The server repeated an earlier answer to the same Idempotency-Key.
  @_alwaysEmitIntoClient
  public var isReplayed: Bool { headers["idempotent-replayed"] == "true" }
}

extension APIError {
  /// The caller's rate limit after the call.
  @_alwaysEmitIntoClient
  public var rateLimit: RateLimit? { RateLimit(headers) }
}

import Foundation

/// How many requests there were, and whose.
///
/// A report is of the range from `start` on and before `end`, widened to whole minutes,
/// hours or days in UTC. Without an end it is until now, and without a start of the last
/// 60 minutes, 24 hours or 30 days. It covers at most 1500 spans.
public struct UsageReports: Sendable {
  /// The span that one point of a report covers.
  public typealias Resolution = Usage.Resolution

  /// The calls of the schema, whose responses include the request id and the rate limit.
  public let rpc: UsageServiceClient

  /// Reports all requests. Only a developer may call it.
  @_alwaysEmitIntoClient
  public func account(
    from start: Date? = nil, to end: Date? = nil, by resolution: Resolution = .hour,
    options: CallOptions = CallOptions()
  ) async throws(APIError) -> AccountUsage {
    let request = GetUsageRequest(
      start: try bound(start, .down, "from"), end: try bound(end, .up, "to"),
      resolution: resolution)
    return try await rpc.getUsage(request, options: options).body.usage
  }

  /// Reports the requests with one API key. Only a developer may call it.
  @_alwaysEmitIntoClient
  public func key(
    _ id: String, from start: Date? = nil, to end: Date? = nil, by resolution: Resolution = .hour,
    options: CallOptions = CallOptions()
  ) async throws(APIError) -> Usage {
    let request = GetKeyUsageRequest(
      id: id, start: try bound(start, .down, "from"), end: try bound(end, .up, "to"),
      resolution: resolution)
    return try await rpc.getKeyUsage(request, options: options).body.usage
  }

  /// Reports the requests with the secret of one application and with the user tokens that
  /// it minted. Only a developer may call it.
  @_alwaysEmitIntoClient
  public func application(
    _ appID: String, from start: Date? = nil, to end: Date? = nil,
    by resolution: Resolution = .hour, options: CallOptions = CallOptions()
  ) async throws(APIError) -> Usage {
    let request = GetApplicationUsageRequest(
      appID: appID, start: try bound(start, .down, "from"), end: try bound(end, .up, "to"),
      resolution: resolution)
    return try await rpc.getApplicationUsage(request, options: options).body.usage
  }

  /// Reports the requests with the tokens of one user. A key needs the scope `users:read`; a
  /// user may read their own.
  @_alwaysEmitIntoClient
  public func user(
    _ id: String, from start: Date? = nil, to end: Date? = nil, by resolution: Resolution = .hour,
    options: CallOptions = CallOptions()
  ) async throws(APIError) -> Usage {
    let request = GetUserUsageRequest(
      userID: id, start: try bound(start, .down, "from"), end: try bound(end, .up, "to"),
      resolution: resolution)
    return try await rpc.getUserUsage(request, options: options).body.usage
  }
}

/// Returns a time that the server can keep, rounded to its microseconds.
@_alwaysEmitIntoClient
func bound(_ date: Date?, _ rule: FloatingPointRoundingRule, _ field: String)
  throws(APIError)
  -> Date?
{
  guard let date else { return nil }
  guard date.timeIntervalSinceReferenceDate.isFinite else {
    throw .invalid("\(field) is no date", field: field)
  }
  return Protobuf.Timestamp(date, rule).date
}

import Foundation

/// What in the installation needs a look. Only a developer may call it.
public struct Alerts: Sendable {
  /// The calls of the schema, whose responses include the request id and the rate limit.
  public let rpc: AlertServiceClient

  /// Returns the alerts, those that opened last first, from the page of the request on. A page
  /// is fetched when it is needed.
  @_alwaysEmitIntoClient
  public func list(
    _ request: ListAlertsRequest = ListAlertsRequest(), options: CallOptions = CallOptions()
  ) -> PagedSequence<Alert> {
    rpc.listAllAlerts(request, options: options)
  }

  /// Records that the caller has seen an alert. That of an event is resolved by it.
  @_alwaysEmitIntoClient
  @discardableResult
  public func acknowledge(_ id: String, options: CallOptions = CallOptions())
    async throws(APIError) -> Alert
  {
    try await rpc.acknowledgeAlert.object(\.alert, AcknowledgeAlertRequest(id: id), options)
  }

  /// Mutes the rule of an alert for its subject until a time, which must be in the future.
  @_alwaysEmitIntoClient
  @discardableResult
  public func mute(_ id: String, until end: Date, options: CallOptions = CallOptions())
    async throws(APIError) -> Alert
  {
    let request = MuteAlertRequest(id: id, until: try bound(end, .up, "until"))
    return try await rpc.muteAlert.object(\.alert, request, options)
  }

  /// Ends what ``mute(_:until:options:)`` began.
  @_alwaysEmitIntoClient
  @discardableResult
  public func unmute(_ id: String, options: CallOptions = CallOptions()) async throws(APIError)
    -> Alert
  {
    try await rpc.muteAlert.object(\.alert, MuteAlertRequest(id: id), options)
  }

  /// Returns every rule with its settings, and what is muted.
  @_alwaysEmitIntoClient
  public func rules(options: CallOptions = CallOptions()) async throws(APIError) -> (
    rules: [AlertRule], mutes: [AlertMute]
  ) {
    let body = try await rpc.listAlertRules(ListAlertRulesRequest(), options: options).body
    return (body.items, body.mutes)
  }

  /// Changes the settings of a rule. Thresholds that the request does not name stay.
  @_alwaysEmitIntoClient
  @discardableResult
  public func updateRule(_ request: UpdateAlertRuleRequest, options: CallOptions = CallOptions())
    async throws(APIError) -> AlertRule
  {
    try await rpc.updateAlertRule.object(\.rule, request, options)
  }
}

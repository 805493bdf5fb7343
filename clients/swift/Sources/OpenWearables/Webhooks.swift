import Foundation

/// The endpoints to which alerts are sent. Only a developer may call it.
public struct Webhooks: Sendable {
  /// The calls of the schema. Their messages hold minted secrets in plain text.
  public let rpc: WebhookServiceClient

  /// Creates an endpoint. The secret, which signs what is sent to it, is not shown again.
  /// Without `kinds`, all are sent.
  @_alwaysEmitIntoClient
  public func create(
    _ request: CreateWebhookEndpointRequest, options: CallOptions = CallOptions()
  ) async throws(APIError) -> (endpoint: WebhookEndpoint, secret: Secret) {
    return try await rpc.createWebhookEndpoint.minted(\.endpoint, \.secret, request, options)
  }

  /// Gives an endpoint a new secret. The old one signs beside it for `overlap`, in whole
  /// seconds.
  @_alwaysEmitIntoClient
  public func rotate(_ id: String, overlap: TimeInterval = 0, options: CallOptions = CallOptions())
    async throws(APIError) -> (endpoint: WebhookEndpoint, secret: Secret)
  {
    let request = RotateWebhookSecretRequest(id: id, overlapSeconds: try seconds(overlap))
    return try await rpc.rotateWebhookSecret.minted(\.endpoint, \.secret, request, options)
  }

  /// Returns one endpoint.
  @_alwaysEmitIntoClient
  public func get(_ id: String, options: CallOptions = CallOptions()) async throws(APIError)
    -> WebhookEndpoint
  {
    try await rpc.getWebhookEndpoint.object(
      \.endpoint, GetWebhookEndpointRequest(id: id), options)
  }

  /// Changes an endpoint. Without `kinds`, they stay unless the mask names them.
  @_alwaysEmitIntoClient
  public func update(
    _ request: UpdateWebhookEndpointRequest, options: CallOptions = CallOptions()
  ) async throws(APIError) -> WebhookEndpoint {
    try await rpc.updateWebhookEndpoint.object(\.endpoint, request, options)
  }

  /// Deletes an endpoint with its deliveries.
  @_alwaysEmitIntoClient
  public func delete(_ id: String, options: CallOptions = CallOptions()) async throws(APIError) {
    try await rpc.deleteWebhookEndpoint.done(DeleteWebhookEndpointRequest(id: id), options)
  }

  /// Sends a message to an endpoint and returns how that ended, which takes up to 10 seconds.
  /// A message that was not taken is no error: see ``WebhookDelivery/lastError``.
  @_alwaysEmitIntoClient
  public func test(_ id: String, options: CallOptions = CallOptions()) async throws(APIError)
    -> WebhookDelivery
  {
    try await rpc.testWebhookEndpoint.object(
      \.delivery, TestWebhookEndpointRequest(id: id), options)
  }

  /// Returns all endpoints, newest first; there are at most 20.
  @_alwaysEmitIntoClient
  public func list(options: CallOptions = CallOptions()) async throws(APIError)
    -> [WebhookEndpoint]
  {
    try await rpc.listWebhookEndpoints(ListWebhookEndpointsRequest(), options: options)
      .body.endpoints
  }

  /// Returns the deliveries to an endpoint, newest first, from the page of the request on. A
  /// page is fetched when it is needed.
  @_alwaysEmitIntoClient
  public func deliveries(
    _ request: ListWebhookDeliveriesRequest, options: CallOptions = CallOptions()
  ) -> PagedSequence<WebhookDelivery> {
    rpc.listAllWebhookDeliveries(request, options: options)
  }

  /// Returns all deliveries to an endpoint that are kept, newest first.
  @_alwaysEmitIntoClient
  public func deliveries(_ id: String, options: CallOptions = CallOptions())
    -> PagedSequence<WebhookDelivery>
  {
    deliveries(ListWebhookDeliveriesRequest(id: id), options: options)
  }
}

/// What happened in the installation, and who read whose health data.
public struct Audit: Sendable {
  /// The calls of the schema, whose responses include the request id and the rate limit.
  public let rpc: AuditServiceClient
  /// The calls of the schema that end leaked credentials. Their messages hold them in plain
  /// text.
  public let credentials: CredentialServiceClient

  /// Returns the audit trail, newest first, from the page of the request on. A page is
  /// fetched when it is needed. Only a developer may call it.
  @_alwaysEmitIntoClient
  public func events(
    _ request: ListAuditEventsRequest = ListAuditEventsRequest(),
    options: CallOptions = CallOptions()
  ) -> PagedSequence<AuditEvent> {
    rpc.listAllAuditEvents(request, options: options)
  }

  /// Returns who read a user's health data, newest first. A page is fetched when it is
  /// needed. A key needs the scope `audit:read`; a user may read who read their own.
  @_alwaysEmitIntoClient
  public func accesses(userID: String, options: CallOptions = CallOptions())
    -> PagedSequence<Access>
  {
    rpc.listAllUserAccesses(ListUserAccessesRequest(userID: userID), options: options)
  }

  /// Ends a credential that was found where it does not belong: the secret of a key or an
  /// application, or the session of a token. The credential itself is the proof, so a client
  /// without one may call it. It also succeeds for what is no credential there.
  @_alwaysEmitIntoClient
  public func reportCredential(_ credential: Secret, options: CallOptions = CallOptions())
    async throws(APIError)
  {
    try await credentials.reportCredential.done(
      ReportCredentialRequest(credential: credential.reveal()), options)
  }
}

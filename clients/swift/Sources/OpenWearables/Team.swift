/// The people who manage the installation. Only a developer may call it; ``Sessions`` changes
/// one's own email and password.
public struct Developers: Sendable {
  /// The calls of the schema, whose responses include the request id and the rate limit.
  public let rpc: DeveloperServiceClient

  /// Returns all developers, oldest first; there are at most 1000.
  @_alwaysEmitIntoClient
  public func list(options: CallOptions = CallOptions()) async throws(APIError) -> [Developer] {
    try await rpc.listDevelopers(ListDevelopersRequest(), options: options).body.developers
  }

  /// Returns one developer.
  @_alwaysEmitIntoClient
  public func get(_ id: String, options: CallOptions = CallOptions()) async throws(APIError)
    -> Developer
  {
    try await rpc.getDeveloper.object(\.developer, GetDeveloperRequest(id: id), options)
  }

  /// Changes the names of a developer.
  @_alwaysEmitIntoClient
  @discardableResult
  public func update(_ request: UpdateDeveloperRequest, options: CallOptions = CallOptions())
    async throws(APIError) -> Developer
  {
    try await rpc.updateDeveloper.object(\.developer, request, options)
  }

  /// Deletes a developer with the sessions and invitations, and returns the deleted developer.
  /// The last one who can log in stays: the call fails with the reason
  /// ``APIError/Reason/lastDeveloper``.
  @_alwaysEmitIntoClient
  @discardableResult
  public func delete(_ id: String, options: CallOptions = CallOptions()) async throws(APIError)
    -> Developer
  {
    try await rpc.deleteDeveloper.object(\.developer, DeleteDeveloperRequest(id: id), options)
  }
}

/// Invitations to become a developer. All but ``accept(_:options:)`` are for developers.
/// Whoever holds the token of one can accept it; it is not printed.
public struct Invitations: Sendable {
  /// The calls of the schema, whose responses include the request id and the rate limit.
  public let rpc: InvitationServiceClient

  /// Invites a person. The server sends nothing: hand over the token in a link to a page of
  /// yours.
  @_alwaysEmitIntoClient
  public func create(email: String, options: CallOptions = CallOptions()) async throws(APIError)
    -> Invitation
  {
    try await rpc.createInvitation.object(
      \.invitation, CreateInvitationRequest(email: email), options)
  }

  /// Returns those that are pending, and those that expired within 30 days, newest first.
  @_alwaysEmitIntoClient
  public func list(options: CallOptions = CallOptions()) async throws(APIError) -> [Invitation] {
    try await rpc.listInvitations(ListInvitationsRequest(), options: options).body.invitations
  }

  /// Ends an invitation. Its token is refused from then on.
  @_alwaysEmitIntoClient
  @discardableResult
  public func revoke(_ id: String, options: CallOptions = CallOptions()) async throws(APIError)
    -> Invitation
  {
    try await rpc.revokeInvitation.object(\.invitation, RevokeInvitationRequest(id: id), options)
  }

  /// Gives an invitation a new token and 7 days. The old token is refused from then on.
  @_alwaysEmitIntoClient
  public func resend(_ id: String, options: CallOptions = CallOptions()) async throws(APIError)
    -> Invitation
  {
    try await rpc.resendInvitation.object(\.invitation, ResendInvitationRequest(id: id), options)
  }

  /// Makes whoever holds the token a developer, who logs in next. A client without a credential
  /// may call it.
  @_alwaysEmitIntoClient
  @discardableResult
  public func accept(_ request: AcceptInvitationRequest, options: CallOptions = CallOptions())
    async throws(APIError) -> Developer
  {
    try await rpc.acceptInvitation.object(\.developer, request, options)
  }
}

/// Whether a credential is good, for services that are handed one: an API key, or an access
/// token. A key needs the scope `credentials:verify`.
public struct Credentials: Sendable {
  /// The calls of the schema, whose responses include the request id and the rate limit. Their
  /// messages hold credentials in plain text.
  public let rpc: CredentialServiceClient

  /// Tells whether a credential is good, and what it stands for. One that is not is no error:
  /// ``Verification/reason`` says why. Do not keep the answer: ask for each request.
  @_alwaysEmitIntoClient
  public func verify(_ request: VerifyCredentialRequest, options: CallOptions = CallOptions())
    async throws(APIError) -> Verification
  {
    try await rpc.verifyCredential(request, options: options).body.verification
  }

  /// Tells of 1 to 100 credentials, in their order. It answers all or throws.
  @_alwaysEmitIntoClient
  public func verifyMany(_ checks: [CredentialCheck], options: CallOptions = CallOptions())
    async throws(APIError) -> [Verification]
  {
    try await rpc.verifyCredentials(VerifyCredentialsRequest(checks: checks), options: options)
      .body.verifications
  }

  /// Names each check that a request with the credential would pass through, which of them
  /// fails, and what would mend it. It is no use of the credential.
  @_alwaysEmitIntoClient
  public func explain(_ request: ExplainAccessRequest, options: CallOptions = CallOptions())
    async throws(APIError) -> ExplainAccessResponse
  {
    try await rpc.explainAccess(request, options: options).body
  }
}

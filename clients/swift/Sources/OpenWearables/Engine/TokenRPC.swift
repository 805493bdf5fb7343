import Foundation

/// The calls that mint, renew and revoke tokens. They carry no credential except their own
/// and are not replayed after a 401.
@usableFromInline package struct TokenRPC: Sendable {
  let connect: Connect

  init(connect: Connect) { self.connect = connect }

  package init(baseURL: URL, allowInsecurePrivateNetwork: Bool, network: Network = .shared)
    throws(APIError)
  {
    let base = try BaseURL(baseURL, allowInsecurePrivateNetwork: allowInsecurePrivateNetwork)
    connect = Connect(
      base: .success(base), transport: network.transport, userAgent: userAgent(nil))
  }

  /// Tokens, and the server's time when it sent them.
  struct DatedTokens: Sendable {
    let tokens: SessionTokens
    let date: TimeInterval?
  }

  /// Makes one attempt to renew a session.
  func refresh(_ record: Record, by deadline: Deadline) async -> Result<DatedTokens, APIError> {
    do throws(APIError) {
      let request = RefreshTokenRequest(refreshToken: record.refresh)
      let minted = try await mint(
        SessionServiceClient.Method.refreshToken, request, key: record.retryKey,
        by: deadline.orIn(Wait.attempt), { (r: RefreshTokenResponse) in r.tokens })
      guard minted.tokens.refreshToken != nil else { return .failure(.unusableTokens()) }
      return .success(minted)
    } catch { return .failure(error) }
  }

  /// Ends the session of a refresh token, in at most two attempts, and one if the server asks
  /// to wait. Returns the error of the last.
  func revoke(_ token: String) async -> APIError? {
    var n = 0
    while true {
      n += 1
      do throws(APIError) {
        let request = RevokeTokenRequest(refreshToken: token)
        _ = try await send(
          SessionServiceClient.Method.revokeToken, request, key: nil,
          by: Deadline(in: Wait.attempt))
        return nil
      } catch {
        guard n < 2, error.isRetryable, !error.asksToWait, await pause(Wait.backoff(n)) else {
          return error
        }
      }
    }
  }

  func login(_ email: String, _ password: String, by deadline: Deadline) async throws(APIError)
    -> SessionTokens
  {
    let request = LoginRequest(email: email, password: password)
    return try await repeated(
      SessionServiceClient.Method.login, request, by: deadline, { (r: LoginResponse) in r.tokens })
  }

  @_alwaysEmitIntoClient
  func setup(_ token: Secret, _ email: String, _ password: Secret, by deadline: Deadline)
    async throws(APIError) -> SessionTokens
  {
    let request = CreateFirstDeveloperRequest(
      token: token.reveal(), email: email, password: password.reveal())
    return try await repeated(
      SetupServiceClient.Method.createFirstDeveloper, request, by: deadline,
      { (r: CreateFirstDeveloperResponse) in r.tokens })
  }

  /// Redeems a pairing code. Returns whose tokens they are too.
  @_alwaysEmitIntoClient
  func pair(_ code: String, by deadline: Deadline) async throws(APIError) -> (SessionTokens, String)
  {
    let user = Locked("")
    let tokens = try await repeated(
      TokenServiceClient.Method.redeemPairingCode, RedeemPairingCodeRequest(code: code),
      by: deadline,
      { (r: RedeemPairingCodeResponse) in
        user.with { $0 = r.userID }
        return r.tokens
      })
    let userID = user.with { $0 }
    guard !userID.isEmpty else { throw .incomplete() }
    return (tokens, userID)
  }

  @_alwaysEmitIntoClient
  package func exchange(
    userID: String, appID: String, secret: Secret, by deadline: Deadline
  ) async throws(APIError) -> SessionTokens {
    let request = CreateUserTokenRequest(
      userID: userID, appID: appID, appSecret: secret.reveal())
    return try await repeated(
      TokenServiceClient.Method.createUserToken, request, by: deadline,
      { (r: CreateUserTokenResponse) in r.tokens })
  }

  /// Sends a minting call and repeats it after transient failures, with one key for all
  /// attempts.
  @_semantics("optimize.sil.specialize.generic.never")
  @usableFromInline func repeated<Output: Message>(
    _ method: MethodDescriptor, _ input: some Message, by deadline: Deadline,
    _ tokens: @escaping @Sendable (Output) -> TokenPair?
  ) async throws(APIError) -> SessionTokens {
    let key = randomKey()
    var n = 0
    while true {
      n += 1
      do throws(APIError) {
        return try await mint(method, input, key: key, by: deadline, tokens).tokens
      } catch {
        guard n <= 2, error.isRetryable else { throw error }
        try await pauseBefore(n, error, by: deadline)
      }
    }
  }

  @_semantics("optimize.sil.specialize.generic.never")
  private func mint<Output: Message>(
    _ method: MethodDescriptor, _ input: some Message, key: String, by deadline: Deadline,
    _ tokens: @Sendable (Output) -> TokenPair?
  ) async throws(APIError) -> DatedTokens {
    let response = try await send(method, input, key: key, by: deadline)
    guard let output = try? Output(jsonUTF8: response.body), let pair = tokens(output)
    else { throw .unusableTokens() }
    return DatedTokens(
      tokens: try SessionTokens(received: pair), date: httpDate(response.headers["date"]))
  }

  @_semantics("optimize.sil.specialize.generic.never")
  private func send(
    _ method: MethodDescriptor, _ input: some Message, key: String?, by deadline: Deadline
  ) async throws(APIError) -> UnaryResponse {
    guard let body = try? input.jsonUTF8() else {
      throw .invalid("the request cannot be written")
    }
    var call = UnaryRequest(procedure: method.procedure, body: body)
    if let key { call.headers["idempotency-key"] = key }
    return try await connect.send(call, limit: Connect.maxTokenResponse, by: deadline)
  }
}

extension SessionTokens {
  /// Reads the tokens of a response. Throws if they can never work.
  @usableFromInline init(received pair: TokenPair) throws(APIError) {
    let refresh = pair.refreshToken ?? ""
    self.init(
      accessToken: Secret(pair.accessToken), refreshToken: refresh.isEmpty ? nil : Secret(refresh),
      expiresIn: TimeInterval(pair.expiresIn))
    do throws(APIError) { try check() } catch { throw .unusableTokens() }
  }
}

/// Waits before the `n`-th retry, as long as the server asks, else for a random time.
///
/// - Throws: `error`, at once, if the deadline comes first or the server asks for more than a
///   minute; an error of kind `canceled` if
///   the task is cancelled.
func pauseBefore(_ n: Int, _ error: APIError, by deadline: Deadline) async throws(APIError) {
  var seconds = Wait.backoff(n)
  if let wait = error.retryAfter, wait > 0 { seconds = wait }
  guard deadline.left > seconds, seconds <= Wait.maxCooldown else { throw error }
  guard await pause(seconds) else { throw .canceled() }
}

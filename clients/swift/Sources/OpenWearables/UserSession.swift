import Foundation

/// A session that is kept in a store and renewed when it is due. A missing network, an
/// overloaded server or an unreadable store never ends it: only ``signOut()`` and the
/// server do.
///
/// Sessions of one process with the same store, base URL and user are the same session. Make
/// one and give it to a ``OpenWearablesClient``; it is safe for concurrent use.
public final class UserSession: Sendable {
  let engine: Engine
  /// Why the session can never work; nil if it can.
  @usableFromInline let problem: APIError?

  /// Makes a session of one user.
  ///
  /// - Parameters:
  ///   - baseURL: where the installation is, such as `https://api.example.com`; plain http
  ///     is for loopback addresses. With any other URL every call fails with the kind
  ///     `invalid`.
  ///   - store: where the session is kept. It keeps one: the session of another user or base
  ///     URL is not used, and the next sign-in replaces it.
  ///   - refresh: who renews it.
  ///   - userID: whose session it is, as the app names its users; nil for whoever is signed
  ///     in. The token provider receives it.
  ///   - allowInsecurePrivateNetwork: accepts plain http for private and link-local addresses
  ///     (RFC 1918, fc00::/7, 169.254.0.0/16, fe80::/10), names of one label, and names that
  ///     end in .local, .internal, .svc or .cluster.local, as within a cluster without TLS.
  ///     Tokens and data are then sent in plain text: whoever can read or redirect the
  ///     traffic of that network, or answer for the name, has them.
  ///   - network: how its requests and those of its clients reach the network.
  ///   - tokenProvider: fetches tokens when there are none; without it the app calls
  ///     ``signIn(_:)``.
  public convenience init(
    baseURL: URL, store: some SessionStore = MemoryStore(), refresh: RefreshPolicy = .whenNeeded,
    userID: String? = nil, allowInsecurePrivateNetwork: Bool = false,
    network: Network = .shared, tokenProvider: TokenProvider? = nil
  ) {
    self.init(
      baseURL: baseURL, store: store, refresh: refresh, userID: userID,
      allowInsecurePrivateNetwork: allowInsecurePrivateNetwork, core: nil,
      transport: network.transport, provider: { _ in tokenProvider })
  }

  init(
    baseURL: URL, store: any SessionStore, refresh: RefreshPolicy = .whenNeeded,
    userID: String? = nil, allowInsecurePrivateNetwork: Bool = false, loginErrors: Bool = false,
    clock: Clock = .system, core: Core? = nil,
    transport: any HTTPTransport = URLSessionTransport(), problem: APIError? = nil,
    provider: (TokenRPC) -> TokenProvider?
  ) {
    let base = baseResult(baseURL, allowInsecurePrivateNetwork)
    let place = Place(base: (try? base.get())?.string ?? "", user: userID)
    let rpc = TokenRPC(
      connect: Connect(base: base, transport: transport, userAgent: userAgent(nil)))
    if case .failure(let error) = base { self.problem = error } else { self.problem = problem }
    let core = core ?? Core.shared(.init(store: store.id, place: place, policy: refresh))
    engine = Engine(
      core: core, place: place, store: GuardedStore(store: store, turn: core.calling), rpc: rpc,
      policy: refresh, clock: clock,
      provider: provider(rpc), passesErrors: loginErrors)
  }

  /// Makes a session of a developer. If the store holds no session of `email`, the developer
  /// is logged in with it and the result of `password`. With an empty email every call fails
  /// with the kind `invalid`.
  public static func developer(
    baseURL: URL, email: String, store: some SessionStore = MemoryStore(),
    allowInsecurePrivateNetwork: Bool = false, network: Network = .shared,
    password: @escaping @Sendable () async throws -> String
  ) -> UserSession {
    let name = email.trimmingCharacters(in: .whitespacesAndNewlines).lowercased()
    let problem = APIError.invalid(
      "the developer's email is empty: is the environment variable set?", field: "email")
    return UserSession(
      baseURL: baseURL, store: store, userID: name,
      allowInsecurePrivateNetwork: allowInsecurePrivateNetwork, loginErrors: true,
      transport: network.transport, problem: name.isEmpty ? problem : nil,
      provider: { rpc in
        { _ in try await rpc.login(email, try await password(), by: Deadline(in: Wait.call)) }
      })
  }

  /// Creates the first developer of an installation, and returns its session, in place of any
  /// other in the store. If the session ends, the developer is logged in with `password`. The
  /// token is the end of the setup address that the server prints.
  ///
  /// - Throws: ``APIError`` with the reason ``APIError/Reason/invalidSetupToken`` if the token is
  ///   wrong, used or over. A password that the server refuses leaves the token valid.
  @_alwaysEmitIntoClient
  public static func setup(
    baseURL: URL, token: Secret, email: String, password: Secret,
    store: some SessionStore = MemoryStore(), allowInsecurePrivateNetwork: Bool = false,
    network: Network = .shared
  ) async throws(APIError) -> UserSession {
    let session = developer(
      baseURL: baseURL, email: email, store: store,
      allowInsecurePrivateNetwork: allowInsecurePrivateNetwork, network: network
    ) { password.reveal() }
    if let problem = session.problem { throw problem }
    let tokens = try await session.rpc.setup(
      token, email, password, by: Deadline(in: Wait.call))
    try await session.signIn(tokens)
    return session
  }

  /// Signs a user in with a pairing code, as a person types it, in place of any other session
  /// in the store. Returns the session, which is kept and renewed as any other, and the id of
  /// the user. The code works once.
  ///
  /// - Throws: ``APIError`` of the kind `notFound` for a code that is unknown, used or over.
  @_alwaysEmitIntoClient
  public static func pair(
    baseURL: URL, code: String, store: some SessionStore = MemoryStore(),
    refresh: RefreshPolicy = .whenNeeded, allowInsecurePrivateNetwork: Bool = false,
    network: Network = .shared
  ) async throws(APIError) -> (session: UserSession, userID: String) {
    let session = UserSession(
      baseURL: baseURL, store: store, refresh: refresh,
      allowInsecurePrivateNetwork: allowInsecurePrivateNetwork, network: network)
    try session.mayChange()
    let (tokens, userID) = try await session.rpc.pair(code, by: Deadline(in: Wait.call))
    try await session.signIn(tokens)
    return (session, userID)
  }

  /// The events of the session from now on. Each access returns a new stream, which ends
  /// with the session.
  public var events: AsyncStream<SessionEvent> { engine.core.emitter.stream() }

  /// Returns a fresh access token and its expiry, for calls that do not go through a
  /// ``OpenWearablesClient``. `userInitiated` is that of ``CallOptions``.
  public func accessToken(userInitiated: Bool = false) async throws(APIError) -> (
    token: Secret, expires: Date
  ) {
    let session = try await token(
      refused: nil, userInitiated: userInitiated, by: Deadline(in: Wait.call))
    let left = session.expiresAt - engine.clock.mono()
    return (
      Secret(session.record.access), Date(timeIntervalSince1970: engine.clock.wall() + left)
    )
  }

  /// Starts a session with tokens that the app obtained itself, in place of any other
  /// session. If it cannot be saved, it lives in memory, ``SessionEvent/storageError(_:)``
  /// is emitted, and saving is tried again. Cancellation does not interrupt the call.
  ///
  /// - Throws: ``APIError`` of the kind `invalid` if the tokens cannot be used.
  public func signIn(_ tokens: SessionTokens) async throws(APIError) {
    try mayChange()
    try tokens.check()
    let engine = engine
    let session = LiveSession(
      engine.place, id: randomKey(), tokens, clock: engine.clock,
      requestedAt: engine.clock.mono(),
      date: nil)
    await Task.detached { await engine.signIn(session) }.value
  }

  /// Forgets the session at once, clears the store and ends the session at the server. A
  /// renewal under way does not bring it back. The token provider is not called again until
  /// ``signIn(_:)``. Cancellation does not interrupt the call. The session of another user or
  /// base URL in the store is left alone.
  ///
  /// - Throws: ``APIError`` if the store could not be cleared or the server could not be
  ///   reached. This process is signed out in any case, and ends the session at the server
  ///   behind its next call to the same base URL that succeeds.
  public func signOut() async throws(APIError) {
    try mayChange()
    let engine = engine
    if let failed = await Task.detached(operation: { await engine.signOut() }).value {
      throw failed
    }
  }

  /// Tells the session that the device may have another network: the next call that needs a
  /// token tries at once to get one, unless the server has asked to wait. On Apple's systems
  /// the package notices that by itself.
  public func networkChanged() async { await engine.core.endCooldown(forgetting: true) }

  @usableFromInline var rpc: TokenRPC { engine.rpc }

  /// Returns an access token that can be sent and is not `refused`.
  @usableFromInline func bearer(
    refused: String?, userInitiated: Bool = false, by deadline: Deadline
  ) async throws(APIError) -> String {
    try await token(refused: refused, userInitiated: userInitiated, by: deadline).record.access
  }

  func token(
    refused: String?, userInitiated: Bool = false, by deadline: Deadline
  ) async throws(APIError) -> LiveSession {
    if let problem { throw problem }
    let states = engine.core.emitter.states
    do throws(APIError) {
      let session = try await engine.token(
        refused: refused, userInitiated: userInitiated, by: deadline)
      if states.current != .signedIn { await engine.core.tell(states) }
      return session
    } catch {
      if error.isUnauthenticated { await engine.core.tell(states) }
      throw error
    }
  }

  @usableFromInline func mayChange() throws(APIError) {
    if let problem { throw problem }
    guard engine.policy != .never else {
      throw .invalid("a session with refresh: .never is read only; the app signs in and out")
    }
  }
}

extension UserSession: CustomStringConvertible, CustomReflectable {
  public var description: String { "UserSession(\(engine.base))" }
  public var customMirror: Mirror { Mirror(self, children: ["baseURL": engine.base]) }
}

func baseResult(
  _ url: URL, _ allowInsecurePrivateNetwork: Bool = false
) -> Result<BaseURL, APIError> {
  do throws(APIError) {
    return .success(
      try BaseURL(url, allowInsecurePrivateNetwork: allowInsecurePrivateNetwork))
  } catch { return .failure(error) }
}

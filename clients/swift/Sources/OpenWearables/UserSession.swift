import Foundation

/// A session that is kept in a store and renewed when it is due. A network that is away,
/// an overloaded server or an unreadable store never ends it: only ``signOut()`` does, or
/// the server's own word.
///
/// Sessions of one process with the same store and base URL are the same session. Make
/// one and give it to a ``Client``; every part of it is safe for concurrent use.
public final class UserSession: Sendable {
  let engine: Engine
  /// Why it can never work.
  private let problem: APIError?

  /// Makes a session of one user.
  ///
  /// - Parameters:
  ///   - baseURL: where the installation is, such as `https://api.example.com`; plain http
  ///     is for loopback addresses. With any other URL every call fails with the kind
  ///     `invalid`.
  ///   - store: where the session is kept.
  ///   - refresh: who renews it.
  ///   - userID: whose session it is, for the token provider alone.
  ///   - tokenProvider: fetches tokens where there are none; without it the app calls
  ///     ``signIn(_:)``.
  public convenience init(
    baseURL: URL, store: some SessionStore = MemoryStore(), refresh: RefreshPolicy = .whenNeeded,
    userID: String? = nil, tokenProvider: TokenProvider? = nil
  ) {
    self.init(
      baseURL: baseURL, store: store, refresh: refresh, userID: userID, core: nil,
      provider: { _ in tokenProvider })
  }

  init(
    baseURL: URL, store: any SessionStore, refresh: RefreshPolicy = .whenNeeded,
    userID: String? = nil, loginErrors: Bool = false, clock: Clock = .system, core: Core? = nil,
    transport: any HTTPTransport = URLSessionTransport(), provider: (TokenRPC) -> TokenProvider?
  ) {
    let base = baseResult(baseURL)
    let key = (try? base.get())?.string ?? ""
    let rpc = TokenRPC(
      connect: Connect(base: base, transport: transport, userAgent: userAgent(nil)))
    if case .failure(let error) = base { problem = error } else { problem = nil }
    engine = Engine(
      core: core ?? Core.shared(.init(store: store.id, base: key, policy: refresh)), base: key,
      store: GuardedStore(store: store), rpc: rpc, policy: refresh, clock: clock, userID: userID,
      provider: provider(rpc), passesErrors: loginErrors)
  }

  /// Makes a session of a developer, who is logged in with `email` when the store holds no
  /// session; `password` is asked for then.
  public static func developer(
    baseURL: URL, email: String, store: some SessionStore = MemoryStore(),
    password: @escaping @Sendable () async throws -> String
  ) -> UserSession {
    UserSession(
      baseURL: baseURL, store: store, loginErrors: true,
      provider: { rpc in
        { _ in try await rpc.login(email, try await password(), by: Deadline(in: Wait.call)) }
      })
  }

  /// What happens to the session from now on. Each use makes a stream of its own, which
  /// ends with the session.
  public var events: AsyncStream<SessionEvent> { engine.core.emitter.stream() }

  /// Returns a fresh access token and when it ends, for what does not call through a
  /// ``Client``.
  ///
  /// - Throws: ``APIError``.
  public func accessToken() async throws -> (token: Secret, expires: Date) {
    let session = try await token(refused: nil, by: Deadline(in: Wait.call))
    let left = session.hard - engine.clock.mono()
    return (
      Secret(session.record.access), Date(timeIntervalSince1970: engine.clock.wall() + left)
    )
  }

  /// Makes tokens that the app got by its own means the session, in place of any other. If
  /// the store cannot take it, it lives in memory, ``SessionEvent/storageError(_:)`` says
  /// so, and saving is tried again. Cancellation does not interrupt it.
  ///
  /// - Throws: ``APIError`` of the kind `invalid`.
  public func signIn(_ tokens: SessionTokens) async throws {
    try mayChange()
    try tokens.check()
    let engine = engine
    let session = LiveSession(
      base: engine.base, id: randomKey(), tokens, clock: engine.clock, asked: engine.clock.mono(),
      date: nil)
    await Task.detached { await engine.signIn(session) }.value
  }

  /// Forgets the session at once, clears the store and ends the session at the server. A
  /// renewal under way brings nothing back. A token provider is not asked again until
  /// ``signIn(_:)``. Cancellation does not interrupt it.
  ///
  /// - Throws: ``APIError`` where the store could not be cleared or the server not be told;
  ///   this process is signed out in any case.
  public func signOut() async throws {
    try mayChange()
    let engine = engine
    if let failed = await Task.detached(operation: { await engine.signOut() }).value {
      throw failed
    }
  }

  func token(refused: String?, by deadline: Deadline) async throws(APIError) -> LiveSession {
    if let problem { throw problem }
    return try await engine.token(refused: refused, by: deadline)
  }

  private func mayChange() throws(APIError) {
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

func baseResult(_ url: URL) -> Result<BaseURL, APIError> {
  do throws(APIError) { return .success(try BaseURL(url)) } catch { return .failure(error) }
}

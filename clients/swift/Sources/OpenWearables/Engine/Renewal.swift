import Foundation

/// The work of one renewal, which one task does from its beginning to its end.
final class Renewal {
  let engine: Engine
  let pending: PendingRenewal
  let refused: String?
  let generation: Int
  /// The events to emit at the end.
  var events: [SessionEvent] = []
  /// The refresh tokens to revoke at the end.
  var discarded: [String] = []
  /// What the store holds if it is no session of this place, to be replaced by a new one.
  var foreign: Data?
  let deadline = Deadline(in: Wait.renewal)

  /// Why a renewal returned no session.
  enum Failure: Error {
    case failed(APIError)
    /// A sign-in or sign-out came in between.
    case superseded
  }

  init(_ engine: Engine, _ pending: PendingRenewal, refused: String?, generation: Int) {
    self.engine = engine
    self.pending = pending
    self.refused = refused
    self.generation = generation
  }

  var core: Core { engine.core }
  var now: TimeInterval { engine.clock.mono() }

  func run() async -> RenewalOutcome {
    do throws(Failure) {
      return .session(try await renew())
    } catch {
      switch error {
      case .failed(let error): return .failed(error)
      case .superseded: return .superseded
      }
    }
  }

  /// Takes the lock, adopts the session that another process stored, and renews if that is
  /// still needed.
  private func renew() async throws(Failure) -> LiveSession {
    let before = await core.session
    if engine.policy == .never { return try await read() }
    var unlock: @Sendable () -> Void = {}
    if await core.failures(of: before?.record.refresh).cooling(now) == nil {
      unlock = await engine.store.lock()
    }
    defer { unlock() }
    let session: LiveSession?
    do throws(Failure) {
      session = try await load()
    } catch {
      if case .failed(let error) = error { events.append(.storageError(error)) }
      await core.postpone(now: now, in: generation)
      throw error
    }
    if let session, !session.carries(refused),
      now < session.renewAt || !session.isSame(as: before) && now < session.expiresAt
    {
      return session
    }
    let failures = await core.failures(of: session?.record.refresh)
    if let error = failures.cooling(now) { throw .failed(error) }
    guard let session else { return try await signIn() }
    if let cause = failures.dead ?? session.unrenewable {
      return try await end(session, cause)
    }
    return try await refresh(session, attempts: Wait.attempts(after: failures.count))
  }

  /// Returns the stored session, for a process that renews nothing.
  private func read() async throws(Failure) -> LiveSession {
    guard let session = try await load() else { throw await noSession() }
    guard !session.carries(refused), now < session.expiresAt else {
      throw .failed(
        APIError(
          .unavailable, .unavailable, .refreshElsewhere,
          "the token is over, and this process leaves renewing it to the app"))
    }
    return session
  }

  /// Attempts the refresh up to `attempts` times. All attempts carry one retry key, so that
  /// the server repeats its answer and rotates once.
  private func refresh(_ first: LiveSession, attempts: Int) async throws(Failure) -> LiveSession {
    var session = first
    var n = 0
    while true {
      n += 1
      if await isSuperseded { throw .superseded }
      let requestedAt = now
      let error: APIError
      switch await engine.rpc.refresh(session.record, by: deadline) {
      case .success(let minted):
        let next = newSession(
          minted.tokens, after: session.record, requestedAt: requestedAt, date: minted.date)
        return try await replace(session, by: next)
      case .failure(let failure):
        error = failure
      }
      var again = n < attempts
      switch error.verdict {
      case .raced: return try await race(session, error)
      case .dead: return try await end(session, error)
      case .doubtful:
        if await core.noteDoubt(about: session.record.refresh, now: now) {
          return try await end(session, error)
        }
        again = n < 2 && attempts > 1
      case .misconfigured: again = false
      case .transient, .limited: break
      }
      if again { again = await pauseBefore(n, error) }
      await emitFailure(error, willRetry: again)
      guard again else {
        throw .failed(await core.noteFailure(of: session.record.refresh, error, now: now))
      }
      // Another process may have renewed it.
      guard case .success(let stored) = await loadResult() else { continue }
      guard let current = stored else { throw await noSession() }
      if !current.isSame(as: session), !current.carries(refused), now < current.expiresAt {
        return current
      }
      session = current
    }
  }

  /// Waits before another attempt, for as long as the server asks, and reports whether
  /// there is time for one.
  private func pauseBefore(_ n: Int, _ error: APIError) async -> Bool {
    var seconds = Wait.backoff(n)
    var asked = false
    if let wait = error.retryAfter, wait > 0 {
      seconds = min(wait, Wait.maxCooldown)
      asked = true
    }
    guard deadline.left >= seconds + 1 else { return false }
    if asked {
      let end = Deadline(in: seconds)
      pending.excuse(until: end) { .failed(error.waiting(end.left)) }
    }
    return await pause(seconds)
  }

  /// Gets a session from the provider when nobody is signed in, unless the user signed out.
  private func signIn() async throws(Failure) -> LiveSession {
    let ended = await core.ended
    guard engine.provider != nil, ended == nil || ended?.error.kind == .sessionExpired else {
      throw await noSession()
    }
    switch await askProvider(.signedOut) {
    case .success(let session):
      return try await replace(nil, by: session)
    case .failure(let error) where error.underlyingError is SignInRequired:
      throw .failed(ended?.error ?? error)
    case .failure(let error):
      throw await providerFailure(error, of: nil)
    }
  }
}

extension LiveSession {
  /// Why the session can never be renewed; nil if it can.
  fileprivate var unrenewable: APIError? {
    guard record.refresh == nil else { return nil }
    return APIError(
      .unauthenticated, .unauthenticated, "no_refresh_token",
      "the access token has expired and came without a refresh token")
  }
}

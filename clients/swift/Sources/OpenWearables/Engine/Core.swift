import Foundation

/// One session as the whole process knows it: all who use the same store and base URL
/// share one, so that they renew once.
actor Core {
  let emitter = EventEmitter()

  /// It changes with each sign-in and sign-out; what began in an earlier one must not be
  /// published.
  private(set) var generation = 0
  /// nil: none, or not loaded yet.
  private(set) var session: LiveSession?
  /// Why there is none, if this process knows.
  private(set) var ended: Ending?
  private var pending: PendingRenewal?
  private var failures = Failures()

  /// What ``admit(_:_:)`` returns.
  enum Admission: Sendable {
    case ready(LiveSession)
    /// The server refuses tokens that it has just issued; another would fare no better.
    case pointless
    case pending(PendingRenewal)
  }

  /// Returns a session whose access token can be sent and is not the refused one, or the
  /// renewal to wait for.
  func admit(_ refused: String?, _ engine: Engine) -> Admission {
    let now = engine.clock.mono()
    guard let session else { return .pending(joinRenewal(refused, engine)) }
    if !session.carries(refused), now < session.hard {
      if now >= session.soft, engine.policy == .whenNeeded, pending == nil,
        !failures(of: session.record.refresh).isCooling(now)
      {
        _ = joinRenewal(nil, engine)
      }
      return .ready(session)
    }
    if session.carries(refused), session.forRefusal, now - session.received < Wait.refusalApart {
      return .pointless
    }
    return .pending(joinRenewal(refused, engine))
  }

  /// Returns the renewal under way, or starts one. It belongs to no caller: nobody's
  /// cancellation reaches it.
  private func joinRenewal(_ refused: String?, _ engine: Engine) -> PendingRenewal {
    if let pending { return pending }
    let started = PendingRenewal()
    pending = started
    let generation = generation
    Task.detached { await engine.renew(started, refused, generation) }
    return started
  }

  /// Ends the renewal. A failure hides where a valid token is still there.
  func finish(_ outcome: RenewalOutcome, refused: String?, now: TimeInterval) -> RenewalOutcome {
    pending = nil
    if case .failed = outcome, let session, !session.carries(refused), now < session.hard {
      return .session(session)
    }
    return outcome
  }

  /// Makes `session` current, unless the generation has changed.
  func publish(_ session: LiveSession?, ended: Ending? = nil, in generation: Int) -> Bool {
    guard self.generation == generation else { return false }
    self.session = session
    self.ended = ended
    return true
  }

  /// Starts a new generation with `session`, or with nobody for the reason `why`.
  /// Returns the session before and the new generation.
  func supersede(_ session: LiveSession?, because why: APIError? = nil) -> (LiveSession?, Int) {
    let before = self.session
    generation += 1
    self.session = session
    ended = why.map { Ending(id: before?.record.id, error: $0) }
    failures = Failures()
    return (before, generation)
  }

  // MARK: - Failures

  /// Notes a failed renewal about a refresh token and starts the cooldown.
  func noteFailure(of token: String?, _ error: APIError, now: TimeInterval) {
    reset(unlessAbout: token)
    failures.count += 1
    failures.error = error
    failures.until = now + Wait.cooldown(failures.count, error)
  }

  /// Notes a doubtful verdict, and reports whether an equal one came before, long enough
  /// ago.
  func noteDoubt(about token: String?, now: TimeInterval) -> Bool {
    reset(unlessAbout: token)
    let first = failures.doubtedAt ?? now
    failures.doubtedAt = first
    return now - first >= Wait.doubtApart
  }

  /// Keeps the server's word that a token will never work, so that it is not sent again.
  func noteDead(_ token: String?, _ cause: APIError) {
    reset(unlessAbout: token)
    failures.dead = cause
  }

  /// What is noted about a token.
  func failures(of token: String?) -> Failures {
    failures.token == token ? failures : Failures(token: token)
  }

  /// Forgets what was noted about another token.
  private func reset(unlessAbout token: String?) {
    if failures.token != token { failures = Failures(token: token) }
  }
}

/// How a session ended. A record of it that the store would not give up is not taken up
/// again.
struct Ending: Sendable {
  let id: String?
  let error: APIError
}

/// What the renewals since the last success have met.
struct Failures: Sendable {
  /// The refresh token that they were about.
  var token: String?
  var count = 0
  /// What all callers get until the cooldown is over.
  var error: APIError?
  /// On the monotonic clock.
  var until: TimeInterval = 0
  var doubtedAt: TimeInterval?
  var dead: APIError?

  func isCooling(_ now: TimeInterval) -> Bool { error != nil && now < until }
}

/// One renewal that any number of callers wait for.
typealias PendingRenewal = Promise<RenewalOutcome>

enum RenewalOutcome: Sendable {
  case session(LiveSession)
  case failed(APIError)
  /// Somebody signed in or out.
  case superseded
}

// MARK: - One core of a place

extension Core {
  struct Key: Hashable, Sendable {
    let store: String
    let base: String
    let policy: RefreshPolicy
  }

  private struct Weak: Sendable {
    weak var core: Core?
  }

  private static let all = Locked<[Key: Weak]>([:])

  /// Returns the process's one core of a store and a base URL, which lives as long as
  /// anybody uses it.
  static func shared(_ key: Key) -> Core {
    all.with { all in
      if let core = all[key]?.core { return core }
      all = all.filter { $0.value.core != nil }
      let core = Core()
      all[key] = Weak(core: core)
      return core
    }
  }
}

import Foundation

/// The state of one session in this process. Everything that uses the same store, base URL
/// and user shares one core, so that a token is renewed once.
actor Core {
  let emitter = EventEmitter()
  /// Of those who call the store.
  let calling = Turn()
  /// Of those who change what it holds. A renewal changes nothing after a sign-in or sign-out
  /// had its turn.
  let changing = Turn()

  /// Changes with each sign-in and sign-out. The result of work that began in an earlier
  /// generation must not be published.
  private(set) var generation = 0
  /// nil when there is no session, or it is not loaded yet.
  private(set) var session: LiveSession?
  /// Why there is no session, if this process knows.
  private(set) var ended: Ending?
  private var renewal: PendingRenewal?
  private var failures = Failures()

  /// What ``admit(_:_:)`` returns.
  enum Admission: Sendable {
    case ready(LiveSession)
    /// The server refuses tokens that it has just issued, so another renewal is pointless.
    case pointless
    case renewal(PendingRenewal)
  }

  /// Returns a session whose access token can be sent and is not the refused one, or the
  /// renewal to wait for.
  func admit(_ refused: String?, _ engine: Engine) -> Admission {
    let now = engine.clock.mono()
    guard let session else { return .renewal(joinRenewal(refused, engine)) }
    if !session.carries(refused), now < session.expiresAt {
      if now >= session.renewAt, engine.policy == .whenNeeded, renewal == nil,
        failures(of: session.record.refresh).cooling(now) == nil
      {
        _ = joinRenewal(nil, engine)
      }
      return .ready(session)
    }
    if session.carries(refused), session.forRefusal, now - session.receivedAt < Wait.refusalApart {
      return .pointless
    }
    return .renewal(joinRenewal(refused, engine))
  }

  /// Returns the renewal under way, or starts one. It belongs to no caller: no caller's
  /// cancellation reaches it.
  private func joinRenewal(_ refused: String?, _ engine: Engine) -> PendingRenewal {
    if let renewal { return renewal }
    let started = PendingRenewal()
    renewal = started
    let generation = generation
    Task.detached { await engine.renew(started, refused, generation) }
    return started
  }

  /// Ends the renewal and returns its outcome. A failure is replaced by the current session
  /// while that can still be used.
  func finish(_ outcome: RenewalOutcome, refused: String?, now: TimeInterval) -> RenewalOutcome {
    renewal = nil
    if case .failed = outcome, let session, !session.carries(refused), now < session.expiresAt {
      return .session(session)
    }
    return outcome
  }

  /// Makes `session` current and returns true, or returns false if the generation has
  /// changed.
  func publish(_ session: LiveSession?, ended: Ending? = nil, in generation: Int) -> Bool {
    guard self.generation == generation else { return false }
    self.session = session
    self.ended = ended
    return true
  }

  /// Puts off the renewal of a session that is due and can still be used, so that a store
  /// that cannot be read is not asked by every call.
  func postpone(now: TimeInterval, in generation: Int) {
    guard self.generation == generation, let session else { return }
    if now >= session.renewAt, now < session.expiresAt {
      self.session = session.renewed(at: min(now + Wait.save, session.expiresAt))
    }
  }

  /// Starts a new generation with `session`, or without one for the reason `why`. Returns
  /// the previous session and the new generation.
  func supersede(_ session: LiveSession?, because why: APIError? = nil) -> (LiveSession?, Int) {
    let before = self.session
    generation += 1
    self.session = session
    ended = why.map { Ending(id: before?.record.id, error: $0) }
    failures = Failures()
    return (before, generation)
  }

  /// Brings the state up to date after a call found out who is signed in, by the store or by
  /// the token provider, of which no event tells.
  func tell(_ states: StateKeeper) { states.set(session == nil ? .signedOut : .signedIn) }

  /// Sends events. The state becomes what is true now: a sign-in or sign-out may have come
  /// since they happened.
  func emit(_ events: [SessionEvent]) {
    if events.contains(where: \.isOfState) { tell(emitter.states) }
    emitter.emit(events)
  }

  // MARK: - Failures

  /// Records a failed renewal of a refresh token and starts the cooldown. Returns the error
  /// with how long to wait.
  func noteFailure(of token: String?, _ error: APIError, now: TimeInterval) -> APIError {
    reset(unlessAbout: token)
    failures.count += 1
    let left = Wait.cooldown(failures.count, error)
    let noted = error.waiting(max(left, error.retryAfter ?? 0))
    failures.error = noted
    failures.since = now
    failures.until = now + left
    return noted
  }

  /// Ends a cooldown that the server did not ask for. With `forgetting`, the next renewal is
  /// as persistent as a first one.
  func endCooldown(forgetting: Bool) {
    guard failures.error?.asksToWait == false else { return }
    failures.error = nil
    if forgetting { failures.count = 0 }
  }

  /// Records a doubtful verdict and reports whether an earlier one is old enough to confirm
  /// it.
  func noteDoubt(about token: String?, now: TimeInterval) -> Bool {
    reset(unlessAbout: token)
    let first = failures.doubtedAt ?? now
    failures.doubtedAt = first
    return now - first >= Wait.doubtApart
  }

  /// Records that the server will never accept a token, so that it is not sent again.
  func noteDead(_ token: String?, _ cause: APIError) {
    reset(unlessAbout: token)
    failures.dead = cause
  }

  /// Returns the failures recorded for a token.
  func failures(of token: String?) -> Failures {
    failures.token == token ? failures : Failures(token: token)
  }

  /// Forgets the failures recorded for another token.
  private func reset(unlessAbout token: String?) {
    if failures.token != token { failures = Failures(token: token) }
  }
}

/// How a session ended. If its record could not be removed from the store, the record is
/// not adopted again.
struct Ending: Sendable {
  let id: String?
  let error: APIError
  /// If the store could not even be read, when that was, in Unix milliseconds of this
  /// process's clock: a record that was saved by then is of that session too.
  var unread: Int64?

  /// Reports whether a record is of the session that ended.
  func covers(_ record: Record) -> Bool {
    record.id == id || unread.map { record.saved &- record.skew <= $0 } ?? false
  }
}

/// The failures of the renewals since the last success.
struct Failures: Sendable {
  /// The refresh token that could not be renewed.
  var token: String?
  var count = 0
  /// The error that all callers get until the cooldown ends.
  var error: APIError?
  /// When the cooldown began and when it ends, on the monotonic clock.
  var since: TimeInterval = 0
  var until: TimeInterval = 0
  var doubtedAt: TimeInterval?
  var dead: APIError?

  /// The error of the cooldown, with what is left to wait; nil if it is over.
  func cooling(_ now: TimeInterval) -> APIError? {
    guard let error, now < until else { return nil }
    return error.waiting(max((error.retryAfter ?? 0) - (now - since), 0))
  }
}

/// One renewal that any number of callers wait for.
typealias PendingRenewal = Promise<RenewalOutcome>

enum RenewalOutcome: Sendable {
  case session(LiveSession)
  case failed(APIError)
  /// A sign-in or sign-out came in between.
  case superseded
}

extension Core: CustomReflectable {
  nonisolated var customMirror: Mirror { Mirror(self, children: []) }
}

extension Failures: Redacting {
  var customMirror: Mirror { Mirror(self, children: ["count": count]) }
}

// MARK: - One core for each store, base URL and user

extension Core {
  struct Key: Hashable, Sendable {
    let store: String
    let place: Place
    let policy: RefreshPolicy
  }

  private final class Known: Sendable {
    let key: Key
    /// Only the system sets it to nil.
    nonisolated(unsafe) weak var core: Core?

    init(_ key: Key, _ core: Core) {
      self.key = key
      self.core = core
    }
  }

  private static let all = Locked<[Known]>([])

  /// Returns the only core of a store, a base URL and a user in this process. It lives as
  /// long as it is used.
  static func shared(_ key: Key) -> Core {
    all.with { all in
      for known in all where known.key == key {
        if let core = known.core { return core }
      }
      all.removeAll { $0.core == nil }
      let core = Core()
      all.append(Known(key, core))
      NetworkMonitor.start()
      return core
    }
  }

  /// Ends the cooldowns of all sessions that the server did not ask for: there is another
  /// network.
  static func networkChanged() async {
    for core in all.with({ $0.compactMap(\.core) }) {
      await core.endCooldown(forgetting: true)
    }
  }
}

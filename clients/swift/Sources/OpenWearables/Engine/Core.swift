import Foundation

/// One session as the whole process knows it: all who use the same store and base URL
/// share one, so that they renew once.
actor Core {
  let audience = Audience()

  /// It changes with each sign-in and sign-out; what began in an earlier one must not be
  /// published.
  private(set) var generation = 0
  /// nil: none, or not loaded yet.
  private(set) var session: LiveSession?
  /// Why there is none, if this process knows.
  private(set) var ended: Ending?
  private var flight: Flight?
  private var failures = Failures()

  /// What a caller is told.
  enum Admission: Sendable {
    case ready(LiveSession)
    /// The server refuses tokens that it has just issued; another would fare no better.
    case pointless
    case flight(Flight)
  }

  /// Returns a session whose access token can be sent and is not the refused one, or the
  /// flight to wait for.
  func admit(_ refused: String?, _ engine: Engine) -> Admission {
    let now = engine.clock.mono()
    guard let session else { return .flight(join(refused, engine)) }
    if !session.carries(refused), now < session.hard {
      if now >= session.soft, engine.policy == .whenNeeded, flight == nil,
        !noted(session.record.refresh).isCooling(now)
      {
        _ = join(nil, engine)
      }
      return .ready(session)
    }
    if session.carries(refused), session.forRefusal, now - session.received < Wait.refusalApart {
      return .pointless
    }
    return .flight(join(refused, engine))
  }

  /// Returns the flight under way, or starts one. It belongs to no caller: nobody's
  /// cancellation reaches it.
  private func join(_ refused: String?, _ engine: Engine) -> Flight {
    if let flight { return flight }
    let started = Flight()
    flight = started
    let generation = generation
    Task.detached { await engine.fly(started, refused, generation) }
    return started
  }

  /// Ends the flight. A failure hides where a valid token is still there.
  func land(_ end: FlightEnd, refused: String?, now: TimeInterval) -> FlightEnd {
    flight = nil
    if case .failed = end, let session, !session.carries(refused), now < session.hard {
      return .session(session)
    }
    return end
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

  /// Notes a failed flight about a refresh token and starts the cooldown.
  func fail(_ token: String?, _ error: APIError, now: TimeInterval) {
    about(token)
    failures.count += 1
    failures.error = error
    failures.until = now + Wait.cooldown(failures.count, error)
  }

  /// Notes a doubtful verdict, and reports whether an equal one came before, long enough
  /// ago.
  func doubt(_ token: String?, now: TimeInterval) -> Bool {
    about(token)
    let first = failures.doubtedAt ?? now
    failures.doubtedAt = first
    return now - first >= Wait.doubtApart
  }

  /// Keeps the server's word that a token will never work, so that it is not sent again.
  func bury(_ token: String?, _ cause: APIError) {
    about(token)
    failures.dead = cause
  }

  /// What is noted about a token.
  func noted(_ token: String?) -> Failures {
    failures.token == token ? failures : Failures(token: token)
  }

  /// Forgets what was noted about another token.
  private func about(_ token: String?) {
    if failures.token != token { failures = Failures(token: token) }
  }
}

/// How a session ended. A record of it that the store would not give up is not taken up
/// again.
struct Ending: Sendable {
  let id: String?
  let error: APIError
}

/// What the flights since the last success have met.
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
typealias Flight = Promise<FlightEnd>

enum FlightEnd: Sendable {
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

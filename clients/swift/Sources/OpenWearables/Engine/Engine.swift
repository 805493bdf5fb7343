import Foundation

/// Keeps a session's tokens fresh.
final class Engine: Sendable {
  let core: Core
  let place: Place
  let store: GuardedStore
  let rpc: TokenRPC
  let policy: RefreshPolicy
  let clock: Clock
  let provider: TokenProvider?
  /// The provider throws errors of the API, which are passed on unchanged.
  let passesErrors: Bool

  init(
    core: Core, place: Place, store: GuardedStore, rpc: TokenRPC, policy: RefreshPolicy,
    clock: Clock, provider: TokenProvider?, passesErrors: Bool
  ) {
    self.core = core
    self.place = place
    self.store = store
    self.rpc = rpc
    self.policy = policy
    self.clock = clock
    self.provider = provider
    self.passesErrors = passesErrors
  }

  var base: String { place.base }

  /// Returns a session whose access token can be sent and is not `refused`, the token that
  /// the server refused. With `userInitiated` a cooldown that the server did not ask for is
  /// over.
  func token(
    refused: String? = nil, userInitiated: Bool = false, by deadline: Deadline
  ) async throws(APIError) -> LiveSession {
    if userInitiated { await core.endCooldown(forgetting: false) }
    while true {
      switch await core.admit(refused, self) {
      case .ready(let session):
        return session
      case .pointless:
        throw APIError(
          .unauthenticated, .unauthenticated, "invalid_token",
          "the server refuses tokens that it has just issued")
      case .renewal(let renewal):
        switch try await renewal.value(by: deadline) {
        case .session(let session):
          // A fetched token is returned however short its life is.
          if session.fetched, !session.carries(refused) { return session }
        case .failed(let error): throw error
        case .superseded: break
        }
      }
    }
  }

  /// Runs a renewal to its end. Its events are emitted before the waiters resume, so that what
  /// these do next comes after them, and the tokens that it discarded are revoked at the end.
  func renew(_ pending: PendingRenewal, _ refused: String?, _ generation: Int) async {
    let renewal = Renewal(self, pending, refused: refused, generation: generation)
    let outcome = await core.finish(await renewal.run(), refused: refused, now: clock.mono())
    await core.emit(renewal.events)
    pending.fulfill(outcome)
    await rpc.revokeAll(renewal.discarded)
  }

  /// Makes `session` the current one, in place of any other.
  func signIn(_ session: LiveSession) async {
    let (_, generation) = await core.supersede(session)
    var events = [SessionEvent.signedIn(elsewhere: false)]
    let (before, failure, isUnread) = await overwrite(session.raw)
    if let failure {
      let kept = session.marked(unsaved: before, isUnread: isUnread, now: clock.mono())
      _ = await core.publish(kept, in: generation)
      events.append(.storageError(failure))
    }
    await core.emit(events)
  }

  /// Forgets the session, clears the store and ends the session at the server, later if that
  /// cannot be reached. Returns the first failure.
  func signOut() async -> APIError? {
    let (before, generation) = await core.supersede(nil, because: .signedOut())
    let (stored, failure, isUnread) = await overwrite(nil)
    if isUnread {
      let ended = Ending(
        id: before?.record.id, error: .signedOut(), unread: Int64(clock.wall() * 1000))
      _ = await core.publish(nil, ended: ended, in: generation)
    }
    var failed = failure
    var tokens: [String] = []
    if let token = before?.record.refresh { tokens.append(token) }
    if let stored, let record = try? Record(stored: stored) {
      if let token = record.refresh, !tokens.contains(token) { tokens.append(token) }
      let ended = Ending(id: record.id, error: .signedOut())
      _ = await core.publish(nil, ended: ended, in: generation)
    }
    await core.emit([.signedOut(elsewhere: false)])
    for token in tokens {
      let refused = await rpc.revoke(token)
      if let refused {
        Revocations.postpone([.init(base: base, token: Secret(token))], failures: 0, refused)
      }
      failed = failed ?? refused
    }
    return failed
  }

  /// Stores `raw` in place of any record, or clears the store of a record of this place if
  /// `raw` is nil. Returns the record before, and if the store failed with what, and whether
  /// that record is unknown.
  private func overwrite(_ raw: Data?) async -> (before: Data?, APIError?, isUnread: Bool) {
    var before: Data?
    do {
      try await core.changing.take()
      defer { core.changing.pass() }
      for _ in 0..<16 {
        do { before = try await store.load() } catch { return (nil, .storage(error), true) }
        if raw == nil, let other = before, let record = try? Record(stored: other),
          !place.holds(record)
        {
          return (nil, nil, false)
        }
        if try await store.replace(before, by: raw) { return (before, nil, false) }
      }
      return (before, .storage(StoreError(description: "others keep writing to it")), false)
    } catch {
      return (before, .storage(error), false)
    }
  }
}

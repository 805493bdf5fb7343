import Foundation

/// Keeps a session's tokens fresh.
struct Engine: Sendable {
  let core: Core
  let base: String
  let store: GuardedStore
  let rpc: TokenRPC
  let policy: RefreshPolicy
  let clock: Clock
  let userID: String?
  let provider: TokenProvider?
  /// The provider throws errors of the API, which are passed on unchanged.
  let passesErrors: Bool

  /// Returns a session whose access token can be sent and is not `refused`, the token that
  /// the server refused.
  func token(refused: String? = nil, by deadline: Deadline) async throws(APIError) -> LiveSession {
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

  /// Runs a renewal to its end. The waiters resume before its events are emitted and the
  /// tokens that it discarded are revoked.
  func renew(_ pending: PendingRenewal, _ refused: String?, _ generation: Int) async {
    let renewal = Renewal(self, refused: refused, generation: generation)
    let outcome = await core.finish(await renewal.run(), refused: refused, now: clock.mono())
    pending.fulfill(outcome)
    core.emitter.emit(renewal.events)
    for token in renewal.discarded { _ = await rpc.revoke(token) }
  }

  /// Makes `session` the current one, in place of any other.
  func signIn(_ session: LiveSession) async {
    let (_, generation) = await core.supersede(session)
    var events = [SessionEvent.signedIn(elsewhere: false)]
    let (before, failure) = await overwrite(session.raw)
    if let failure {
      let kept = session.marked(unsaved: before, now: clock.mono())
      _ = await core.publish(kept, in: generation)
      events.append(.storageError(failure))
    }
    core.emitter.emit(events)
  }

  /// Forgets the session, clears the store and ends the session at the server. Returns the
  /// first failure.
  func signOut() async -> APIError? {
    let (before, generation) = await core.supersede(nil, because: .signedOut())
    let (stored, failure) = await overwrite(nil)
    var failed = failure
    var tokens = Set([before?.record.refresh].compactMap { $0 })
    if let stored, let session = try? LiveSession(base: base, stored: stored, clock: clock) {
      if let token = session.record.refresh { tokens.insert(token) }
      let ended = Ending(id: session.record.id, error: .signedOut())
      _ = await core.publish(nil, ended: ended, in: generation)
    }
    for token in tokens {
      let refused = await rpc.revoke(token)
      failed = failed ?? refused
    }
    core.emitter.emit([.signedOut(elsewhere: false)])
    return failed
  }

  /// Stores `raw`, or clears the store if `raw` is nil, in place of any record. Returns
  /// that record.
  private func overwrite(_ raw: Data?) async -> (before: Data?, APIError?) {
    var before: Data?
    do {
      for _ in 0..<16 {
        before = try await store.load()
        let done =
          if let raw { try await store.save(raw, replacing: before) } else {
            try await store.clear(before)
          }
        if done { return (before, nil) }
      }
      return (before, .storage(StoreError(description: "others keep writing to it")))
    } catch {
      return (before, .storage(error))
    }
  }
}

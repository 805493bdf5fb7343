import Foundation

// How a renewal stores, adopts or ends a session.
extension Renewal {
  func newSession(
    _ tokens: SessionTokens, after old: Record? = nil, requestedAt: TimeInterval,
    date: TimeInterval? = nil
  ) -> LiveSession {
    LiveSession(
      engine.place, id: old?.id ?? randomKey(), user: old?.user, tokens, clock: engine.clock,
      requestedAt: requestedAt, date: date, forRefusal: refused != nil)
  }

  /// Stores the new session in place of the old one and makes it current. The renewal's
  /// deadline no longer interrupts this.
  func replace(_ old: LiveSession?, by new: LiveSession) async throws(Failure) -> LiveSession {
    if await isSuperseded {
      discard(new)
      throw .superseded
    }
    var session = new
    var before = old == nil ? foreign : old?.stored
    do {
      if !(try await change(before, to: new.raw)) {
        let stored = try await adoptStored(insteadOf: new, after: old)
        guard stored.isSame(as: old) else { return stored }
        before = stored.stored
        throw StoreError(description: "it does not replace the record that it holds")
      }
    } catch let failure as Failure {
      if case .superseded = failure { discard(new) }
      throw failure
    } catch {
      events.append(.storageError(.storage(error)))
      session = new.marked(unsaved: before, now: now)
    }
    guard await core.publish(session, in: generation) else {
      discard(new)  // the sign-in or sign-out finds it in the store
      throw .superseded
    }
    events.append(
      old?.record.id == new.record.id
        ? .tokenRefreshed(elsewhere: false) : .signedIn(elsewhere: false))
    return session
  }

  /// Adopts the session that another process stored while `session` was fetched. `session`
  /// is discarded if the other one has another id or there is none. Returns `old` if that is
  /// still stored.
  private func adoptStored(
    insteadOf session: LiveSession, after old: LiveSession?
  ) async throws(Failure) -> LiveSession {
    let current = try await load()
    if let current, current.isSame(as: old) { return current }
    if current?.record.id != session.record.id { discard(session) }
    guard let current else { throw await noSession() }
    return current
  }

  /// Waits until the process that spent the token first has stored its pair.
  func race(_ session: LiveSession, _ cause: APIError) async throws(Failure) -> LiveSession {
    let end = Deadline(in: Wait.race)
    while true {
      if case .success(let stored) = await loadResult() {
        guard let current = stored else { throw await noSession() }
        if !current.isSame(as: session) { return current }
      }
      if end.left == 0 { return try await self.end(session, cause) }
      await pause(Wait.racePoll)
    }
  }

  /// Closes a session that the server has ended, unless the store now holds another one or
  /// the provider returns one.
  func end(_ dead: LiveSession, _ cause: APIError) async throws(Failure) -> LiveSession {
    guard let session = try await load() else { throw await noSession() }
    if !session.isSame(as: dead) { return session }
    await core.noteDead(session.record.refresh, cause)
    if engine.provider != nil {
      switch await askProvider(cause.reason ?? .sessionExpired) {
      case .success(let fresh):
        return try await replace(session, by: fresh)
      case .failure(let error) where !(error.underlyingError is SignInRequired):
        throw await providerFailure(error, of: session.record.refresh)
      case .failure: break
      }
    }
    do {
      if !(try await clear(session)),
        case .success(let current?) = await loadResult(), !current.isSame(as: session)
      {
        return current
      }
    } catch let failure as Failure {
      throw failure
    } catch {
      events.append(.storageError(.storage(error)))
    }
    let ended = APIError.sessionExpired(cause)
    let ending = Ending(id: session.record.id, error: ended)
    guard await core.publish(nil, ended: ending, in: generation) else { throw .superseded }
    events.append(.sessionExpired(cause.reason))
    throw .failed(ended)
  }

  /// Removes the record of a session from the store. What an unsaved one did not replace goes
  /// only if it is of this place.
  private func clear(_ session: LiveSession) async throws -> Bool {
    if session.isUnsaved, (try? own(session.instead)) == nil { return true }
    return try await change(session.stored, to: nil)
  }

  /// Changes what the store holds, unless somebody signed in or out in between. Whoever does so
  /// from now on finds the change.
  private func change(_ expected: Data?, to record: Data?) async throws -> Bool {
    try await core.changing.take()
    defer { core.changing.pass() }
    if await isSuperseded { throw Failure.superseded }
    return try await engine.store.replace(expected, by: record)
  }

  /// Gets a new session from the provider.
  func askProvider(_ reason: APIError.Reason) async -> Result<LiveSession, APIError> {
    guard let provider = engine.provider else { return .failure(.signedOut()) }
    let request = TokenRequest(userID: engine.place.user, reason: reason)
    let requestedAt = now
    do {
      let tokens = try await withTimeout(deadline.left) { try await provider(request) }
      try tokens.check()
      return .success(newSession(tokens, requestedAt: requestedAt))
    } catch let error as SignInRequired {
      return .failure(.signedOut(error))
    } catch let error as APIError where engine.passesErrors {
      return .failure(error)
    } catch {
      return .failure(.providerFailed(error))
    }
  }

  /// Returns the failure of a provider and starts the cooldown, except after a password that
  /// the server refused: the person may type the next one right.
  func providerFailure(_ error: APIError, of token: String?) async -> Failure {
    if engine.passesErrors, error.kind == .unauthenticated { return .failed(error) }
    return .failed(await core.noteFailure(of: token, error, now: now))
  }

  /// Makes the stored session current and returns it. The record of another user or base URL
  /// is none. A session that could not be saved stays current until another process stores
  /// one. After a sign-in while the store could not be read, the first record that is read is
  /// the one that the sign-in replaces.
  func load() async throws(Failure) -> LiveSession? {
    let raw: Data?
    do { raw = try await engine.store.load() } catch { throw .failed(.storage(error)) }
    let current = await core.session
    if let current, raw == current.raw { return await noteSaved(current) }
    if let current, current.isUnsaved, current.isUnread || raw == current.instead {
      return await saveAgain(current, over: raw)
    }
    let stored = try own(raw)
    guard let raw, let stored else {
      foreign = raw
      if current != nil, await core.publish(nil, in: generation) {
        events.append(.signedOut(elsewhere: true))
      }
      return nil
    }
    let session = LiveSession(stored, stored: raw, clock: engine.clock)
    if let ended = await core.ended, ended.covers(session.record) {
      // An earlier attempt failed.
      let cleared = try? await change(raw, to: nil)
      if cleared == true, ended.id != session.record.id {
        discard(session)  // the sign-out could not read it
      }
      return nil
    }
    guard await core.publish(session, in: generation) else { throw .superseded }
    if current?.record.id != session.record.id {
      events.append(.signedIn(elsewhere: true))
    } else if current?.record.access != session.record.access {
      events.append(.tokenRefreshed(elsewhere: true))
    }
    return session
  }

  /// Reads a stored record; nil if there is none or it is not of this place.
  private func own(_ raw: Data?) throws(Failure) -> Record? {
    guard let raw else { return nil }
    do throws(StoreError) {
      let record = try Record(stored: raw)
      return engine.place.holds(record) ? record : nil
    } catch { throw .failed(.storage(error)) }
  }

  /// Returns the result of ``load()``, for a caller that goes on after a failure.
  func loadResult() async -> Result<LiveSession?, Failure> {
    do throws(Failure) { return .success(try await load()) } catch { return .failure(error) }
  }

  /// Makes a session current as one that the store holds. The store may have saved it although
  /// it failed or returned too late.
  private func noteSaved(_ session: LiveSession) async -> LiveSession {
    guard session.isUnsaved else { return session }
    let next = session.marked(saved: true, over: nil, now: now)
    return await core.publish(next, in: generation) ? next : session
  }

  /// Tries again to store a session that could not be saved; the store holds `held`.
  private func saveAgain(_ session: LiveSession, over held: Data?) async -> LiveSession {
    let done = (try? await change(held, to: session.raw)) ?? false
    let next = session.marked(saved: done, over: held, now: now)
    return await core.publish(next, in: generation) ? next : session
  }

  /// Returns the failure of a renewal that finds no session.
  func noSession() async -> Failure {
    if await isSuperseded { return .superseded }
    return .failed(await core.ended?.error ?? .signedOut())
  }

  var isSuperseded: Bool { get async { await core.generation != generation } }

  func discard(_ session: LiveSession) {
    if let token = session.record.refresh { discarded.append(token) }
  }

  /// Records a failed attempt. If another attempt follows, the events so far are emitted at
  /// once.
  func emitFailure(_ error: APIError, willRetry: Bool) async {
    events.append(.refreshFailed(error, willRetry: willRetry))
    if willRetry {
      await core.emit(events)
      events = []
    }
  }
}

/// Whether somebody is signed in, as far as the session knows.
public enum SessionState: Sendable, Hashable {
  /// Nothing was asked yet: the store is read, and the token provider asked, by the first call.
  case unknown
  case signedIn
  /// Nobody is: at first, after a sign-out, or because the server ended the session.
  case signedOut
}

/// A state that can be read at any time, and followed.
final class StateKeeper: Sendable {
  private struct State {
    var current = SessionState.unknown
    var next = 0
    var streams: [(id: Int, continuation: AsyncStream<SessionState>.Continuation)] = []
  }

  private let state = Locked(State())

  deinit {
    for stream in state.with({ $0.streams }) { stream.continuation.finish() }
  }

  var current: SessionState { state.with { $0.current } }

  func set(_ new: SessionState) {
    state.with {
      guard $0.current != new else { return }
      $0.current = new
      for stream in $0.streams { stream.continuation.yield(new) }
    }
  }

  /// Returns a stream of the present state and of each later one. A slow reader gets the
  /// newest.
  func stream() -> AsyncStream<SessionState> {
    let (stream, continuation) = AsyncStream<SessionState>.makeStream(
      bufferingPolicy: .bufferingNewest(1))
    let id = state.with {
      $0.next += 1
      $0.streams.append(($0.next, continuation))
      continuation.yield($0.current)
      return $0.next
    }
    continuation.onTermination = { [weak self] _ in
      self?.state.with { $0.streams.removeAll { $0.id == id } }
    }
    return stream
  }
}

extension SessionEvent {
  /// It tells who is signed in.
  var isOfState: Bool {
    switch self {
    case .signedIn, .tokenRefreshed, .sessionExpired, .signedOut: true
    case .refreshFailed, .storageError, .keyRotated: false
    }
  }
}

extension UserSession {
  /// Whether somebody is signed in. Calls and ``accessToken(userInitiated:)`` find it out.
  public var state: SessionState { engine.core.emitter.states.current }

  /// The state now, and then each that follows. The stream ends with the session.
  public var states: AsyncStream<SessionState> { engine.core.emitter.states.stream() }

  /// Finds out whether somebody is signed in: reads the store and, if it is empty, asks the
  /// token provider. A login screen calls it when the person has logged in at the app.
  ///
  /// - Throws: what kept it from finding out, such as a missing network. That nobody is
  ///   signed in is no error.
  @discardableResult
  public func reload() async throws(APIError) -> SessionState {
    do { _ = try await accessToken(userInitiated: true) } catch {
      guard error.isUnauthenticated else { throw error }
    }
    return state
  }
}

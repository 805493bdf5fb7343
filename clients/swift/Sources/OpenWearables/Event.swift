import Foundation

/// Something that happened to a session or to an API key.
public enum SessionEvent: Sendable {
  /// Somebody signed in; `elsewhere` if another process did it.
  case signedIn(elsewhere: Bool)
  /// The token was renewed.
  case tokenRefreshed(elsewhere: Bool)
  /// An attempt to renew the token failed. The session is kept.
  case refreshFailed(APIError, willRetry: Bool)
  /// The server ended the session. It comes once for each session.
  case sessionExpired(APIError.Reason?)
  /// Somebody signed out.
  case signedOut(elsewhere: Bool)
  /// The store failed. A session that could not be stored lives on in memory.
  case storageError(APIError)
  /// The API key was rotated: replace it before it ends.
  case keyRotated(sunset: Date)
}

/// Who listens. Its streams end with it.
final class Audience: Sendable {
  private struct State {
    var next = 0
    var streams: [Int: AsyncStream<SessionEvent>.Continuation] = [:]
  }

  private let state = Locked(State())

  deinit {
    for stream in state.with({ $0.streams }).values { stream.finish() }
  }

  /// A stream of what happens from now on. It keeps the newest 256 events that were
  /// not read.
  func stream() -> AsyncStream<SessionEvent> {
    let (stream, continuation) = AsyncStream<SessionEvent>.makeStream(
      bufferingPolicy: .bufferingNewest(256))
    let id = state.with {
      $0.next += 1
      $0.streams[$0.next] = continuation
      return $0.next
    }
    continuation.onTermination = { [weak self] _ in
      _ = self?.state.with { $0.streams.removeValue(forKey: id) }
    }
    return stream
  }

  /// Tells all listeners, in order, and waits for nobody.
  func tell(_ events: [SessionEvent]) {
    guard !events.isEmpty else { return }
    let streams = state.with { $0.streams.values.map { $0 } }
    for stream in streams {
      for event in events { stream.yield(event) }
    }
  }
}

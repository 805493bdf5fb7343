/// Sends events to any number of streams, which end when it is deallocated.
final class EventEmitter: Sendable {
  private struct State {
    var next = 0
    var streams: [(id: Int, continuation: AsyncStream<SessionEvent>.Continuation)] = []
  }

  private let state = Locked(State())
  let states = StateKeeper()

  deinit {
    for stream in state.with({ $0.streams }) { stream.continuation.finish() }
  }

  /// Returns a stream of the events from now on. It keeps the newest 256 unread events.
  func stream() -> AsyncStream<SessionEvent> {
    let (stream, continuation) = AsyncStream<SessionEvent>.makeStream(
      bufferingPolicy: .bufferingNewest(256))
    let id = state.with {
      $0.next += 1
      $0.streams.append(($0.next, continuation))
      return $0.next
    }
    continuation.onTermination = { [weak self] _ in
      self?.state.with { $0.streams.removeAll { $0.id == id } }
    }
    return stream
  }

  /// Sends the events to all streams, in order, without waiting.
  func emit(_ events: [SessionEvent]) {
    guard !events.isEmpty else { return }
    for stream in state.with({ $0.streams }) {
      for event in events { stream.continuation.yield(event) }
    }
  }
}

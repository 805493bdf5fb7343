import Foundation

/// A value that is set once and awaited by any number of tasks. Each waiter can leave on
/// its own, by cancellation or at its deadline, without an effect on the others.
final class Promise<Value: Sendable>: Sendable {
  /// Guards the other properties, which only its holder reads or writes.
  private let lock = NSLock()
  private nonisolated(unsafe) var fulfilled: Value?
  private nonisolated(unsafe) var waiters: [Waiter] = []
  /// The value of those who cannot wait until then.
  private nonisolated(unsafe) var excuse: (end: Deadline, value: @Sendable () -> Value)?

  /// The value, if it is set.
  var current: Value? { lock.withLock { fulfilled } }

  /// Sets the value. Only the first call has an effect.
  @_semantics("optimize.sil.specialize.generic.never")
  func fulfill(_ value: Value) {
    let served: [Waiter] = lock.withLock {
      guard fulfilled == nil else { return [] }
      fulfilled = value
      excuse = nil
      return waiters
    }
    for waiter in served { waiter.end(.served) }
  }

  /// Gives `value` to the waiters whose deadline is before `end`, also to those that come
  /// until then: the promise is not fulfilled earlier.
  @_semantics("optimize.sil.specialize.generic.never")
  func excuse(until end: Deadline, _ value: @escaping @Sendable () -> Value) {
    let served: [Waiter] = lock.withLock {
      guard fulfilled == nil else { return [] }
      excuse = (end, value)
      return waiters.filter { $0.deadline < end }
    }
    for waiter in served { waiter.end(.served) }
  }

  /// Waits for the value.
  ///
  /// - Throws: an error of kind `canceled` or `timeout`.
  @_semantics("optimize.sil.specialize.generic.never")
  func value(by deadline: Deadline) async throws(APIError) -> Value {
    let waiter = Waiter(until: deadline)
    if let known = enter(waiter) { return known }
    let end = await waiter.wait()
    let value = leave(waiter)
    if end == .served, let value { return value }
    throw end == .canceled ? .canceled() : .timeout()
  }

  /// Returns the value if it is known, else the waiter waits for it.
  @_semantics("optimize.sil.specialize.generic.never")
  private func enter(_ waiter: Waiter) -> Value? {
    lock.withLock {
      if let fulfilled { return fulfilled }
      if let excuse, excuse.end.left > 0, waiter.deadline < excuse.end { return excuse.value() }
      waiters.append(waiter)
      return nil
    }
  }

  /// Removes a waiter and returns what there is for it.
  @_semantics("optimize.sil.specialize.generic.never")
  private func leave(_ waiter: Waiter) -> Value? {
    lock.withLock {
      waiters.removeAll { $0 === waiter }
      return fulfilled ?? excuse?.value()
    }
  }
}

/// One waiting task. The first end resumes it; later ones have no effect.
private final class Waiter: Sendable {
  enum End: Sendable {
    /// There is a value.
    case served
    case canceled
    case timedOut
  }

  private struct State {
    var continuation: CheckedContinuation<End, Never>?
    var end: End?
  }

  let deadline: Deadline
  private let state = Locked(State())

  init(until deadline: Deadline) { self.deadline = deadline }

  /// Waits for the end, at the latest until the deadline.
  func wait() async -> End {
    let left = deadline.left
    let timer = left.isFinite ? Task { if await pause(left) { end(.timedOut) } } : nil
    defer { timer?.cancel() }
    return await withTaskCancellationHandler {
      await withCheckedContinuation { continuation in
        let ended: End? = state.with {
          if $0.end == nil { $0.continuation = continuation }
          return $0.end
        }
        if let ended { continuation.resume(returning: ended) }
      }
    } onCancel: {
      end(.canceled)
    }
  }

  func end(_ end: End) {
    let continuation: CheckedContinuation<End, Never>? = state.with {
      guard $0.end == nil else { return nil }
      $0.end = end
      return $0.continuation
    }
    continuation?.resume(returning: end)
  }
}

/// Runs `work`, which may ignore cancellation, in a task of its own. After `seconds` the
/// task is cancelled and abandoned; `late` receives the value that it may still return.
///
/// - Throws: the error of the work, or an `APIError` of kind `canceled` or `timeout`.
@_semantics("optimize.sil.specialize.generic.never")
func withTimeout<Value: Sendable>(
  _ seconds: TimeInterval, late: @escaping @Sendable (Value) -> Void = { _ in },
  _ work: @escaping @Sendable () async throws -> Value
) async throws -> Value {
  let promise = Promise<Result<Value, any Error>>()
  let abandoned = Locked(false)
  let lateHandler = Locked<(@Sendable (Value) -> Void)?>(late)
  @Sendable func deliverLate() {
    guard abandoned.with({ $0 }), case .success(let value)? = promise.current else { return }
    let handle = lateHandler.with { handler in
      defer { handler = nil }
      return handler
    }
    handle?(value)
  }
  let task = Task.detached {
    do { promise.fulfill(.success(try await work())) } catch { promise.fulfill(.failure(error)) }
    deliverLate()
  }
  do {
    return try await promise.value(by: Deadline(in: seconds)).get()
  } catch {
    task.cancel()
    abandoned.with { $0 = true }
    deliverLate()
    throw error
  }
}

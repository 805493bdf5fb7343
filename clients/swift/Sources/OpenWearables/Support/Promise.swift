import Foundation

/// A value that is set once and awaited by any number of tasks. Each waiter can leave on
/// its own, by cancellation or at its deadline, without an effect on the others.
final class Promise<Value: Sendable>: Sendable {
  private struct State {
    var value: Value?
    var waiters: [ObjectIdentifier: (waiter: Waiter<Value>, deadline: Deadline)] = [:]
    var excuse: Excuse?
  }

  /// The value of those who cannot wait until `end`.
  private struct Excuse {
    let end: Deadline
    let value: @Sendable () -> Value
  }

  private let state = Locked(State())

  /// The value, if it is set.
  var current: Value? { state.with { $0.value } }

  /// Sets the value. Only the first call has an effect.
  @_semantics("optimize.sil.specialize.generic.never")
  func fulfill(_ value: Value) {
    let waiters: [Waiter<Value>] = state.with {
      guard $0.value == nil else { return [] }
      let waiters = $0.waiters.values.map(\.waiter)
      $0 = State(value: value)
      return waiters
    }
    for waiter in waiters { waiter.end(.fulfilled(value)) }
  }

  /// Gives `value` to the waiters whose deadline is before `end`, also to those that come
  /// until then: the promise is not fulfilled earlier.
  @_semantics("optimize.sil.specialize.generic.never")
  func excuse(until end: Deadline, _ value: @escaping @Sendable () -> Value) {
    let waiters: [Waiter<Value>] = state.with {
      guard $0.value == nil else { return [] }
      $0.excuse = Excuse(end: end, value: value)
      return $0.waiters.values.filter { $0.deadline < end }.map(\.waiter)
    }
    for waiter in waiters { waiter.end(.fulfilled(value())) }
  }

  /// Waits for the value.
  ///
  /// - Throws: an error of kind `canceled` or `timeout`.
  @_semantics("optimize.sil.specialize.generic.never")
  func value(by deadline: Deadline) async throws(APIError) -> Value {
    let waiter = Waiter<Value>()
    let known: Value? = state.with {
      if let value = $0.value { return value }
      if let excuse = $0.excuse, excuse.end.left > 0, deadline < excuse.end {
        return excuse.value()
      }
      $0.waiters[ObjectIdentifier(waiter)] = (waiter, deadline)
      return nil
    }
    if let known { return known }
    let left = deadline.left
    let timer = left.isFinite ? Task { if await pause(left) { waiter.end(.timedOut) } } : nil
    let end = await withTaskCancellationHandler {
      await waiter.wait()
    } onCancel: {
      waiter.end(.canceled)
    }
    timer?.cancel()
    state.with { $0.waiters[ObjectIdentifier(waiter)] = nil }
    switch end {
    case .fulfilled(let value): return value
    case .canceled: throw .canceled()
    case .timedOut: throw .timeout()
    }
  }
}

/// One waiting task. The first end resumes it; later ones have no effect.
private final class Waiter<Value: Sendable>: Sendable {
  enum End: Sendable {
    case fulfilled(Value)
    case canceled
    case timedOut
  }

  private enum State {
    case new
    case waiting(CheckedContinuation<End, Never>)
    case ended(End)
  }

  private let state = Locked(State.new)

  @_semantics("optimize.sil.specialize.generic.never")
  func wait() async -> End {
    await withCheckedContinuation { continuation in
      let ended: End? = state.with {
        if case .ended(let end) = $0 { return end }
        $0 = .waiting(continuation)
        return nil
      }
      if let ended { continuation.resume(returning: ended) }
    }
  }

  @_semantics("optimize.sil.specialize.generic.never")
  func end(_ end: End) {
    let continuation: CheckedContinuation<End, Never>? = state.with {
      switch $0 {
      case .new:
        $0 = .ended(end)
        return nil
      case .waiting(let continuation):
        $0 = .ended(end)
        return continuation
      case .ended:
        return nil
      }
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

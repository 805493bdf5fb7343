/// Lets tasks do something one after the other, or a number of them at once, in the order in
/// which they came.
final class Turn: Sendable {
  private struct State {
    var free: Int
    var waiting: [Promise<Void>] = []
  }

  private let state: Locked<State>

  init(places: Int = 1) { state = Locked(State(free: places)) }

  /// Waits for the turn, which ends with ``pass()``. If this throws, it was never taken.
  func take(by deadline: Deadline = .never) async throws(APIError) {
    let mine: Promise<Void>? = state.with {
      guard $0.free == 0 else {
        $0.free -= 1
        return nil
      }
      let mine = Promise<Void>()
      $0.waiting.append(mine)
      return mine
    }
    guard let mine else { return }
    do throws(APIError) { try await mine.value(by: deadline) } catch {
      let isLate = state.with {
        guard let place = $0.waiting.firstIndex(where: { $0 === mine }) else { return true }
        $0.waiting.remove(at: place)
        return false
      }
      if isLate { pass() }
      throw error
    }
  }

  /// Gives the turn to the next.
  func pass() {
    let next: Promise<Void>? = state.with {
      guard !$0.waiting.isEmpty else {
        $0.free += 1
        return nil
      }
      return $0.waiting.removeFirst()
    }
    next?.fulfill(())
  }
}

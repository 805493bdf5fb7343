#if canImport(Darwin) || CHECKING_BACKGROUND_TRANSFERS
  import Foundation

  #if CHECKING_BACKGROUND_TRANSFERS
    import BackgroundSessions
  #endif

  /// Transfers by a background `URLSession`. It decides nothing: what becomes of an answer is
  /// decided by the ``BackgroundSync`` that it is delivered to.
  ///
  /// Make one for an identifier when the app starts, also when the system starts it for that
  /// identifier, and call ``deliver(to:)`` at once.
  public final class BackgroundURLSession: NSObject, BackgroundTransfers {
    private struct State {
      var bodies: [Int: Data] = [:]
      /// Answered, and not delivered yet.
      var open: Set<String> = []
      var receive: (@Sendable (String, TransferAnswer) async -> Void)?
      var waiting: [(name: String, answer: TransferAnswer)] = []
      var done: (@Sendable () -> Void)?
    }

    private let lock = NSLock()
    // Only within `lock`.
    private nonisolated(unsafe) var state = State()
    // Set once, by the initializer, since it needs its delegate.
    private nonisolated(unsafe) var session: URLSession!

    /// Bytes of a response that are kept: an answer to a file has at most some hundred.
    private static let mostBytes = 4 << 20

    public init(identifier: String) {
      super.init()
      let configuration = URLSessionConfiguration.background(withIdentifier: identifier)
      configuration.isDiscretionary = false
      configuration.sessionSendsLaunchEvents = true
      configuration.httpCookieStorage = nil
      configuration.httpShouldSetCookies = false
      configuration.urlCredentialStorage = nil
      configuration.timeoutIntervalForResource = 7 * 86_400
      session = URLSession(configuration: configuration, delegate: self, delegateQueue: nil)
    }

    /// Delivers what transfers came to, also what came before.
    public func deliver(to sync: BackgroundSync) {
      let receive: @Sendable (String, TransferAnswer) async -> Void = {
        try? await sync.finished($0, $1)  // what is not done stays for the next run
      }
      let waiting = lock.withLock {
        state.receive = receive
        defer { state.waiting = [] }
        return state.waiting
      }
      for (name, answer) in waiting { pass(name, answer, to: receive) }
    }

    /// Calls `done` when all answers that the system had were delivered: for the completion
    /// handler of `handleEventsForBackgroundURLSession`.
    public func finishEvents(_ done: @escaping @Sendable () -> Void) {
      lock.withLock { state.done = done }
    }

    public func begin(
      _ name: String, _ request: URLRequest, file: URL, after delay: TimeInterval
    ) async throws {
      let task = session.uploadTask(with: request, fromFile: file)
      task.taskDescription = name
      if delay > 0 { task.earliestBeginDate = Date(timeIntervalSinceNow: delay) }
      task.resume()
    }

    public func running() async -> Set<String> {
      let names = await session.allTasks.compactMap(\.taskDescription)
      return lock.withLock { state.open }.union(names)
    }

    private func pass(
      _ name: String, _ answer: TransferAnswer,
      to receive: @escaping @Sendable (String, TransferAnswer) async -> Void
    ) {
      Task {
        await receive(name, answer)
        lock.withLock { _ = state.open.remove(name) }
      }
    }
  }

  extension BackgroundURLSession: URLSessionDataDelegate {
    public func urlSession(
      _ session: URLSession, dataTask: URLSessionDataTask, didReceive data: Data
    ) {
      lock.withLock {
        var body = state.bodies[dataTask.taskIdentifier] ?? Data()
        if body.count + data.count <= Self.mostBytes { body.append(data) }
        state.bodies[dataTask.taskIdentifier] = body
      }
    }

    public func urlSession(
      _ session: URLSession, task: URLSessionTask, didCompleteWithError error: (any Error)?
    ) {
      guard let name = task.taskDescription else { return }
      var answer = TransferAnswer(status: nil)
      if error == nil, let response = task.response as? HTTPURLResponse {
        answer.status = response.statusCode
        for (name, value) in response.allHeaderFields {
          if let name = name as? String, let value = value as? String {
            answer.headers[name.lowercased()] = value
          }
        }
      }
      let receive = lock.withLock {
        answer.body = state.bodies.removeValue(forKey: task.taskIdentifier) ?? Data()
        state.open.insert(name)
        if state.receive == nil { state.waiting.append((name, answer)) }
        return state.receive
      }
      if let receive { pass(name, answer, to: receive) }
    }

    public func urlSessionDidFinishEvents(forBackgroundURLSession session: URLSession) {
      let done = lock.withLock {
        defer { state.done = nil }
        return state.done
      }
      if let done { DispatchQueue.main.async(execute: done) }
    }
  }
#endif

import Foundation

#if canImport(FoundationNetworking)
  import FoundationNetworking
#endif

/// A response. Header names are in lower case, header values are unchanged.
@usableFromInline package struct HTTPResponse: Sendable {
  package let status: Int
  package let headers: [String: String]
  package let body: Data

  @usableFromInline package init(status: Int, headers: [String: String], body: Data) {
    self.status = status
    self.headers = headers
    self.body = body
  }
}

/// Sends requests: by URLSession, except in tests.
package protocol HTTPTransport: Sendable {
  /// Sends a request once. It follows no redirect and keeps no cookie. The body of a
  /// response may have `limit` bytes after unpacking, that of an error at most 1 MiB; the
  /// request is cancelled as soon as more arrive.
  ///
  /// - Throws: an error of kind `offline` if no complete response came, `timeout` at the
  ///   deadline, `canceled` if the task is cancelled, `internal` if the response is too
  ///   large or cannot be unpacked.
  func send(_ request: URLRequest, limit: Int, by deadline: Deadline) async throws(APIError)
    -> HTTPResponse
}

/// Bytes that the body of an error may have.
private let maxErrorBody = 1 << 20

/// The URLSession that sends requests, which keeps connections and nothing else. On Linux
/// another one takes its place when its transfers are stopped.
final class SessionPool: Sendable {
  /// A session, and the requests that it has under way.
  fileprivate struct Member: Sendable {
    let exchanges: Exchanges
    let session: URLSession
  }

  static let shared = SessionPool()

  private let current = Locked<Member?>(nil)
  private let challenge: Network.Challenge?
  private let configure: @Sendable (URLSessionConfiguration) -> Void

  init(
    challenge: Network.Challenge? = nil,
    configure: @escaping @Sendable (URLSessionConfiguration) -> Void = { _ in }
  ) {
    self.challenge = challenge
    self.configure = configure
  }

  deinit { current.with { $0 }?.session.finishTasksAndInvalidate() }

  fileprivate var member: Member {
    current.with {
      if let member = $0 { return member }
      let member = make()
      $0 = member
      return member
    }
  }

  private func make() -> Member {
    let exchanges = Exchanges(challenge) { [weak self] session in self?.retire(session) }
    #if canImport(FoundationNetworking)
      let queue: OperationQueue? = ImmediateQueue()
    #else
      let queue: OperationQueue? = nil
    #endif
    let session = URLSession(
      configuration: configuration(), delegate: exchanges, delegateQueue: queue)
    #if canImport(FoundationNetworking)
      exchanges.brake.with { $0 = Brake(session) }
    #endif
    return Member(exchanges: exchanges, session: session)
  }

  /// Lets later requests go through another session than one whose transfers are stopped.
  /// The old one ends with its last task; it is not invalidated, because a request that has
  /// just chosen it would end the process.
  private func retire(_ session: URLSession) {
    current.with { if $0?.session === session { $0 = nil } }
  }

  private func configuration() -> URLSessionConfiguration {
    let c = URLSessionConfiguration.ephemeral
    c.urlCache = nil
    c.requestCachePolicy = .reloadIgnoringLocalCacheData
    c.urlCredentialStorage = nil
    c.httpMaximumConnectionsPerHost = 32
    #if !os(Linux)
      c.waitsForConnectivity = false
    #endif
    configure(c)
    c.httpCookieStorage = nil
    c.httpShouldSetCookies = false
    c.httpCookieAcceptPolicy = .never
    c.timeoutIntervalForRequest = 86_400  // a call's own deadline decides
    c.timeoutIntervalForResource = 86_400
    return c
  }
}

/// Sends requests by the URLSession of a pool.
package struct URLSessionTransport: HTTPTransport {
  private let pool: SessionPool

  init(pool: SessionPool = .shared) { self.pool = pool }

  package func send(_ request: URLRequest, limit: Int, by deadline: Deadline)
    async throws(APIError) -> HTTPResponse
  {
    if Task.isCancelled { throw .canceled() }
    let promise = Exchanges.Outcome()
    let pool = pool.member
    let task = pool.session.dataTask(with: request)
    pool.exchanges.begin(task, limit: limit, promise)
    task.resume()
    let result: Result<HTTPResponse, APIError>
    do throws(APIError) {
      result = try await promise.value(by: deadline)
    } catch {
      pool.exchanges.forget(task)
      pool.exchanges.cancel(task, of: pool.session)
      throw error
    }
    return try result.get()
  }
}

#if canImport(FoundationNetworking)
  /// Where tasks are cancelled, and where that is watched. Each has a thread of its own, since
  /// a cancellation waits for Foundation.
  private let cancellations = DispatchQueue(label: "com.openwearables.cancellations")
  private let watchdog = DispatchQueue(label: "com.openwearables.watchdog")

  /// Stops the transfers of a session. FoundationNetworking runs those of all sessions of a
  /// process on one queue, and libcurl does not leave it while a body arrives faster than it
  /// unpacks: nothing is cancelled then, and no other request begins. The queue of a session's
  /// libcurl, which is not public, can be suspended, also from within.
  private struct Brake: Sendable {
    private let queue: DispatchQueue
    private var held: [Int] = []

    /// nil if this Foundation has no such queue.
    init?(_ session: URLSession) {
      guard let handle = Mirror(reflecting: session).descendant("multiHandle"),
        let queue = Mirror(reflecting: handle).descendant("queue") as? DispatchQueue
      else { return nil }
      self.queue = queue
    }

    mutating func hold(for task: Int) {
      guard !held.contains(task) else { return }
      held.append(task)
      queue.suspend()
    }

    mutating func release(for task: Int) {
      guard let place = held.firstIndex(of: task) else { return }
      held.remove(at: place)
      queue.resume()
    }
  }

  /// Runs each operation at once, on the thread that adds it. FoundationNetworking adds one
  /// for each piece of a body and does not wait for it: on any other queue, the pieces of a
  /// body that unpacks quickly fill the memory before the first of them is counted.
  private final class ImmediateQueue: OperationQueue, @unchecked Sendable {
    override func addOperation(_ block: @escaping @Sendable () -> Void) { block() }
  }
#endif

/// The requests under way. The session calls it on a queue of its own.
private final class Exchanges: NSObject, URLSessionDataDelegate {
  typealias Outcome = Promise<Result<HTTPResponse, APIError>>

  private struct Exchange {
    let task: Int
    let outcome: Outcome
    let limit: Int
    var body = Data()
  }

  private let open = Locked<[Exchange]>([])
  private let challenge: Network.Challenge?
  /// Called with a session whose transfers are stopped.
  private let retire: @Sendable (URLSession) -> Void
  #if canImport(FoundationNetworking)
    fileprivate let brake = Locked<Brake?>(nil)
  #endif

  init(_ challenge: Network.Challenge?, _ retire: @escaping @Sendable (URLSession) -> Void) {
    self.challenge = challenge
    self.retire = retire
  }

  func begin(_ task: URLSessionTask, limit: Int, _ outcome: Outcome) {
    open.with {
      $0.append(Exchange(task: task.taskIdentifier, outcome: outcome, limit: limit))
    }
  }

  func forget(_ task: URLSessionTask) { _ = close(task) }

  /// Ends an exchange and returns it; nil if it has ended already.
  private func close(_ task: URLSessionTask) -> Exchange? {
    let id = task.taskIdentifier
    return open.with { open in
      open.firstIndex { $0.task == id }.map { open.remove(at: $0) }
    }
  }

  /// Counts the bytes, which are unpacked, and cancels the task beyond the bound.
  func urlSession(_ session: URLSession, dataTask: URLSessionDataTask, didReceive data: Data) {
    let id = dataTask.taskIdentifier
    let isError = (dataTask.response as? HTTPURLResponse)?.statusCode != 200
    let refused: (exchange: Exchange, limit: Int)? = open.with { open in
      guard let place = open.firstIndex(where: { $0.task == id }) else { return nil }
      let limit = isError ? min(open[place].limit, maxErrorBody) : open[place].limit
      if data.count <= limit - open[place].body.count {
        open[place].body.append(data)
        return nil
      }
      return (open.remove(at: place), limit)
    }
    guard let refused else { return }
    #if canImport(FoundationNetworking)
      stop(dataTask, of: session)
    #endif
    cancel(dataTask, of: session)
    refused.exchange.outcome.fulfill(.failure(.tooLarge(refused.limit)))
  }

  /// Cancels a task. FoundationNetworking waits for the thread that it calls its delegate on,
  /// so another one does it there, and transfers that do not give way are stopped.
  func cancel(_ task: URLSessionTask, of session: URLSession) {
    #if canImport(FoundationNetworking)
      let done = Locked(false)
      cancellations.async {
        task.cancel()
        self.brake.with {
          done.with { $0 = true }
          if task.state == .completed { $0?.release(for: task.taskIdentifier) }
        }
      }
      watchdog.asyncAfter(deadline: .now() + 0.1) {
        if !done.with({ $0 }) { self.stop(task, of: session, unless: done) }
      }
    #else
      task.cancel()
    #endif
  }

  #if canImport(FoundationNetworking)
    /// Stops the transfers of the session until `task`, which is being cancelled, has ended.
    private func stop(
      _ task: URLSessionTask, of session: URLSession, unless done: Locked<Bool> = Locked(false)
    ) {
      retire(session)
      brake.with { if !done.with({ $0 }) { $0?.hold(for: task.taskIdentifier) } }
    }
  #endif

  func urlSession(_: URLSession, task: URLSessionTask, didCompleteWithError error: (any Error)?) {
    #if canImport(FoundationNetworking)
      brake.with { $0?.release(for: task.taskIdentifier) }
    #endif
    guard let exchange = close(task) else { return }
    if let error {
      let failure: APIError =
        isUndecodable(error)
        ? .unreadable("it is not encoded as its headers say")
        : .offline(error as? URLError ?? URLError(.unknown))
      exchange.outcome.fulfill(.failure(failure))
    } else if let response = task.response as? HTTPURLResponse {
      exchange.outcome.fulfill(.success(HTTPResponse(response, exchange.body)))
    } else {
      exchange.outcome.fulfill(.failure(.offline(URLError(.badServerResponse))))
    }
  }

  #if canImport(FoundationNetworking)
    /// Takes the 401 of a gateway as the response. FoundationNetworking would wait for the
    /// gateway's password until the deadline.
    func urlSession(
      _ session: URLSession, task: URLSessionTask,
      didReceive challenge: URLAuthenticationChallenge,
      completionHandler:
        @escaping @Sendable (URLSession.AuthChallengeDisposition, URLCredential?) -> Void
    ) {
      if let exchange = close(task), let response = challenge.failureResponse as? HTTPURLResponse {
        exchange.outcome.fulfill(.success(HTTPResponse(response, exchange.body)))
      }
      cancel(task, of: session)
    }
  #else
    /// Lets the app decide on the certificate of the server or the password of a proxy.
    func urlSession(_: URLSession, didReceive challenge: URLAuthenticationChallenge) async -> (
      URLSession.AuthChallengeDisposition, URLCredential?
    ) {
      await self.challenge?(challenge) ?? (.performDefaultHandling, nil)
    }
  #endif

  func urlSession(
    _: URLSession, task: URLSessionTask, willPerformHTTPRedirection: HTTPURLResponse,
    newRequest: URLRequest, completionHandler: @escaping @Sendable (URLRequest?) -> Void
  ) {
    completionHandler(nil)
  }
}

extension HTTPResponse {
  fileprivate init(_ response: HTTPURLResponse, _ body: Data) {
    status = response.statusCode
    self.body = body
    var headers: [String: String] = [:]
    for (name, value) in response.allHeaderFields {
      if let name = name as? String, let value = value as? String {
        headers[name.lowercased()] = value
      }
    }
    self.headers = headers
  }
}

/// Reports whether a response came whose Content-Encoding is wrong.
private func isUndecodable(_ error: any Error) -> Bool {
  #if canImport(FoundationNetworking)
    // Every failure within a response has one code there; only libcurl's text differs.
    let text = error.localizedDescription.lowercased()
    return text.contains("content unencoding") || text.contains("content or transfer-encoding")
  #else
    guard let code = (error as? URLError)?.code else { return false }
    return code == .cannotDecodeContentData || code == .cannotDecodeRawData
  #endif
}

import Foundation

#if canImport(FoundationNetworking)
  import FoundationNetworking
#endif

/// A response. Header names are in lower case, header values are unchanged.
struct HTTPResponse: Sendable {
  let status: Int
  let headers: [String: String]
  let body: Data
}

/// Sends requests: by URLSession, except in tests.
protocol HTTPTransport: Sendable {
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

/// Sends requests by the one URLSession of the process, which keeps connections and nothing
/// else.
struct URLSessionTransport: HTTPTransport {
  /// A session, and the requests that it has under way.
  private struct Pool: Sendable {
    let exchanges = Exchanges()
    let session: URLSession

    init() {
      #if canImport(FoundationNetworking)
        let queue: OperationQueue? = ImmediateQueue()
      #else
        let queue: OperationQueue? = nil
      #endif
      session = URLSession(
        configuration: configuration(), delegate: exchanges, delegateQueue: queue)
    }
  }

  private static let pool = Locked(Pool())

  #if canImport(FoundationNetworking)
    /// Lets later requests go through another session. FoundationNetworking cancels a task,
    /// and begins another, only when libcurl pauses, and libcurl does not pause while a body
    /// arrives faster than it unpacks. The old session ends with its last task; it is not
    /// invalidated, because a request that has just chosen it would end the process.
    fileprivate static func retire(_ session: URLSession) {
      pool.with { if $0.session === session { $0 = Pool() } }
    }
  #endif

  private static func configuration() -> URLSessionConfiguration {
    let c = URLSessionConfiguration.ephemeral
    c.urlCache = nil
    c.requestCachePolicy = .reloadIgnoringLocalCacheData
    c.httpCookieStorage = nil
    c.httpShouldSetCookies = false
    c.httpCookieAcceptPolicy = .never
    c.urlCredentialStorage = nil
    c.httpMaximumConnectionsPerHost = 32
    c.timeoutIntervalForRequest = 86_400  // a call's own deadline decides
    c.timeoutIntervalForResource = 86_400
    #if !os(Linux)
      c.waitsForConnectivity = false
    #endif
    return c
  }

  func send(_ request: URLRequest, limit: Int, by deadline: Deadline) async throws(APIError)
    -> HTTPResponse
  {
    if Task.isCancelled { throw .canceled() }
    let promise = Exchanges.Outcome()
    let pool = Self.pool.with { $0 }
    let task = pool.session.dataTask(with: request)
    pool.exchanges.begin(task, limit: limit, promise)
    task.resume()
    let result: Result<HTTPResponse, APIError>
    do throws(APIError) {
      result = try await promise.value(by: deadline)
    } catch {
      pool.exchanges.forget(task)
      cancel(task, of: pool.session)
      throw error
    }
    return try result.get()
  }
}

#if canImport(FoundationNetworking)
  /// Runs each operation at once, on the thread that adds it. FoundationNetworking adds one
  /// for each piece of a body and does not wait for it: on any other queue, the pieces of a
  /// body that unpacks quickly fill the memory before the first of them is counted.
  private final class ImmediateQueue: OperationQueue, @unchecked Sendable {
    override func addOperation(_ block: @escaping @Sendable () -> Void) { block() }
  }
#endif

/// Cancels a task on another thread, since FoundationNetworking waits for the one that it
/// calls its delegate on. If that one is still busy after a second, as with the body of a
/// redirect that unpacks without end, later requests go through another session.
private func cancel(_ task: URLSessionTask, of session: URLSession) {
  let done = Promise<Void>()
  DispatchQueue.global().async {
    task.cancel()
    done.fulfill(())
  }
  #if canImport(FoundationNetworking)
    DispatchQueue.global().asyncAfter(deadline: .now() + 1) {
      if done.current == nil { URLSessionTransport.retire(session) }
    }
  #endif
}

/// The requests under way, by task. The session calls it on a queue of its own.
private final class Exchanges: NSObject, URLSessionDataDelegate {
  typealias Outcome = Promise<Result<HTTPResponse, APIError>>

  private struct Exchange {
    let outcome: Outcome
    let limit: Int
    var body = Data()
  }

  private let open = Locked<[Int: Exchange]>([:])

  func begin(_ task: URLSessionTask, limit: Int, _ outcome: Outcome) {
    open.with { $0[task.taskIdentifier] = Exchange(outcome: outcome, limit: limit) }
  }

  func forget(_ task: URLSessionTask) {
    open.with { $0[task.taskIdentifier] = nil }
  }

  /// Counts the bytes, which are unpacked, and cancels the task beyond the bound.
  func urlSession(_ session: URLSession, dataTask: URLSessionDataTask, didReceive data: Data) {
    let id = dataTask.taskIdentifier
    let isError = (dataTask.response as? HTTPURLResponse)?.statusCode != 200
    let refused: (exchange: Exchange, limit: Int)? = open.with {
      guard let asked = $0[id]?.limit, let count = $0[id]?.body.count else { return nil }
      let limit = isError ? min(asked, maxErrorBody) : asked
      if data.count <= limit - count {
        $0[id]?.body.append(data)
        return nil
      }
      return $0.removeValue(forKey: id).map { (exchange: $0, limit: limit) }
    }
    guard let refused else { return }
    #if canImport(FoundationNetworking)
      URLSessionTransport.retire(session)
    #endif
    cancel(dataTask, of: session)
    refused.exchange.outcome.fulfill(.failure(.tooLarge(refused.limit)))
  }

  func urlSession(_: URLSession, task: URLSessionTask, didCompleteWithError error: (any Error)?) {
    guard let exchange = open.with({ $0.removeValue(forKey: task.taskIdentifier) }) else { return }
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
      let exchange = open.with { $0.removeValue(forKey: task.taskIdentifier) }
      if let exchange, let response = challenge.failureResponse as? HTTPURLResponse {
        exchange.outcome.fulfill(.success(HTTPResponse(response, exchange.body)))
      }
      cancel(task, of: session)
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

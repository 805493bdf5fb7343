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
  /// Sends a request once. It follows no redirect and keeps no cookie.
  ///
  /// - Throws: an error of kind `offline` if no complete response came, `timeout` at the
  ///   deadline, `canceled` if the task is cancelled.
  func send(_ request: URLRequest, by deadline: Deadline) async throws(APIError) -> HTTPResponse
}

/// Sends requests by the one URLSession of the process, which keeps connections and nothing
/// else.
struct URLSessionTransport: HTTPTransport {
  private static let exchanges = Exchanges()
  private static let session = URLSession(
    configuration: configuration(), delegate: exchanges, delegateQueue: nil)

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

  func send(_ request: URLRequest, by deadline: Deadline) async throws(APIError) -> HTTPResponse {
    if Task.isCancelled { throw .canceled() }
    let promise = Promise<Result<HTTPResponse, URLError>>()
    let task = Self.session.dataTask(with: request)
    Self.exchanges.begin(task, promise)
    task.resume()
    let result: Result<HTTPResponse, URLError>
    do throws(APIError) {
      result = try await promise.value(by: deadline)
    } catch {
      Self.exchanges.forget(task)
      task.cancel()
      throw error
    }
    switch result {
    case .success(let response): return response
    case .failure(let error): throw .offline(error)
    }
  }
}

/// The requests under way, by task. The session calls it on a queue of its own.
private final class Exchanges: NSObject, URLSessionDataDelegate {
  private struct Exchange {
    let promise: Promise<Result<HTTPResponse, URLError>>
    var body = Data()
  }

  private let open = Locked<[Int: Exchange]>([:])

  func begin(_ task: URLSessionTask, _ promise: Promise<Result<HTTPResponse, URLError>>) {
    open.with { $0[task.taskIdentifier] = Exchange(promise: promise) }
  }

  func forget(_ task: URLSessionTask) {
    open.with { $0[task.taskIdentifier] = nil }
  }

  func urlSession(_: URLSession, dataTask: URLSessionDataTask, didReceive data: Data) {
    open.with { $0[dataTask.taskIdentifier]?.body.append(data) }
  }

  func urlSession(_: URLSession, task: URLSessionTask, didCompleteWithError error: (any Error)?) {
    let exchange = open.with { $0.removeValue(forKey: task.taskIdentifier) }
    if let error {
      exchange?.promise.fulfill(.failure(error as? URLError ?? URLError(.unknown)))
    } else if let response = task.response as? HTTPURLResponse {
      exchange?.promise.fulfill(.success(HTTPResponse(response, exchange?.body ?? Data())))
    } else {
      exchange?.promise.fulfill(.failure(URLError(.badServerResponse)))
    }
  }

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

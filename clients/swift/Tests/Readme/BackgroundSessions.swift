// The parts of a background `URLSession` that the adapter needs to compile on a system without
// it: our idea of Apple's API, no proof of it.
@_exported import Foundation

@_exported import struct FoundationNetworking.URLRequest

public class URLResponse: NSObject, @unchecked Sendable {}

public class HTTPURLResponse: URLResponse, @unchecked Sendable {
  public var statusCode: Int { 0 }
  public var allHeaderFields: [AnyHashable: Any] { [:] }
}

public class URLSessionTask: NSObject, @unchecked Sendable {
  public var taskIdentifier: Int { 0 }
  public var taskDescription: String?
  public var earliestBeginDate: Date?
  public var response: URLResponse? { nil }
  public func resume() {}
}

public class URLSessionDataTask: URLSessionTask, @unchecked Sendable {}
public class URLSessionUploadTask: URLSessionDataTask, @unchecked Sendable {}

public class URLSessionConfiguration: NSObject {
  public class func background(withIdentifier identifier: String) -> URLSessionConfiguration {
    URLSessionConfiguration()
  }
  public var isDiscretionary = false
  public var sessionSendsLaunchEvents = false
  public var httpCookieStorage: AnyObject?
  public var httpShouldSetCookies = false
  public var urlCredentialStorage: AnyObject?
  public var timeoutIntervalForResource: TimeInterval = 0
}

public protocol URLSessionDelegate: NSObjectProtocol, Sendable {
  func urlSessionDidFinishEvents(forBackgroundURLSession session: URLSession)
}

public protocol URLSessionTaskDelegate: URLSessionDelegate {
  func urlSession(
    _ session: URLSession, task: URLSessionTask, didCompleteWithError error: (any Error)?)
}

public protocol URLSessionDataDelegate: URLSessionTaskDelegate {
  func urlSession(_ session: URLSession, dataTask: URLSessionDataTask, didReceive data: Data)
}

public class URLSession: NSObject, @unchecked Sendable {
  public init(
    configuration: URLSessionConfiguration, delegate: (any URLSessionDelegate)?,
    delegateQueue: OperationQueue?
  ) {}

  public var allTasks: [URLSessionTask] { get async { [] } }

  public func uploadTask(with request: URLRequest, fromFile file: URL) -> URLSessionUploadTask {
    URLSessionUploadTask()
  }
}

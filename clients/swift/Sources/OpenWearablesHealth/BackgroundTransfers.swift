import Foundation

#if canImport(FoundationNetworking)
  import FoundationNetworking
#endif

/// Sends files for the app, also while it is suspended or after it was killed: a background
/// `URLSession`, or a fake of a test.
public protocol BackgroundTransfers: Sendable {
  /// Hands over a request whose body is a file, to be sent after a number of seconds. The
  /// name comes back with the answer.
  func begin(_ name: String, _ request: URLRequest, file: URL, after delay: TimeInterval)
    async throws

  /// The names of the transfers whose answer has not been delivered.
  func running() async -> Set<String>
}

/// What became of a transfer.
public struct TransferAnswer: Sendable {
  /// The status of the response; nil if none came.
  public var status: Int?
  /// By lower-case name.
  public var headers: [String: String]
  public var body: Data

  public init(status: Int?, headers: [String: String] = [:], body: Data = Data()) {
    self.status = status
    self.headers = headers
    self.body = body
  }
}

/// The name of a transfer: of whose batch it is, and how often that has failed before.
struct TransferName: Equatable {
  let user: String
  let batch: String
  let failures: Int

  init(user: String, batch: String, failures: Int) {
    self.user = user
    self.batch = batch
    self.failures = failures
  }

  /// Returns nil for the name of another part of the app.
  init?(_ text: String) {
    let parts = text.split(separator: "/", omittingEmptySubsequences: false).map(String.init)
    guard parts.count == 4, parts[0] == "openwearables", UUID(uuidString: parts[1]) != nil,
      Outbox.isBatch(parts[2]), let failures = Int(parts[3]), failures >= 0
    else { return nil }
    self.init(user: parts[1], batch: parts[2], failures: failures)
  }

  var text: String { "openwearables/\(user)/\(batch)/\(failures)" }

  func failed() -> TransferName {
    TransferName(user: user, batch: batch, failures: failures + 1)
  }
}

import Foundation

@testable import OpenWearables

#if canImport(FoundationNetworking)
  import FoundationNetworking
#endif

/// A fault proxy, controlled over HTTP.
final class FaultProxy: Sendable {
  let url: URL
  private let child: ChildProcess

  init(url: URL, child: ChildProcess) {
    self.url = url
    self.child = child
  }

  deinit { child.closeInput() }

  var base: String { url.absoluteString }

  struct Report: Decodable, Sendable {
    struct Seen: Decodable, Sendable {
      let method: String
      let status: Int
      let key: String
      let token: String
      let atMs: Int
    }
    var requests: [String: Int]
    let rotated: Int
    let held: Int
    let log: [Seen]?
    var refreshes: Int { requests["RefreshToken"] ?? 0 }
  }

  func report() async throws -> Report {
    let decoder = JSONDecoder()
    decoder.keyDecodingStrategy = .convertFromSnakeCase
    return try decoder.decode(Report.self, from: try await control("GET", ""))
  }

  func setRules(_ rules: JSON) async throws {
    _ = try await control("POST", "/rules", try JSONEncoder().encode(rules))
  }

  func release() async throws { _ = try await control("POST", "/release") }

  func reset() async throws { _ = try await control("POST", "/reset") }

  private func control(_ method: String, _ path: String, _ body: Data? = nil) async throws -> Data {
    var request = URLRequest(url: URL(string: "\(base)/__faults\(path)")!)
    request.httpMethod = method
    request.httpBody = body
    return try await URLSessionTransport().send(
      request, limit: 64 << 20, by: Deadline(in: 20)
    ).body
  }
}

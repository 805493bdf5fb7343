import Foundation
import OpenWearables
import OpenWearablesHealth

#if canImport(FoundationNetworking)
  import FoundationNetworking
#endif

/// A request in a spool folder, from which another process sends it.
struct Spooled: Codable {
  let name: String
  let url: URL
  let headers: [String: String]
  let file: URL
}

/// What that process puts there in place of a request.
struct SpooledAnswer: Codable {
  let name: String
  let status: Int?
  let headers: [String: String]
  let body: Data
}

/// Transfers by another process, which goes on when this one is killed.
struct SpoolTransfers: BackgroundTransfers {
  let folder: URL

  func begin(_ name: String, _ request: URLRequest, file: URL, after delay: TimeInterval)
    async throws
  {
    guard let url = request.url else { return }
    let spooled = Spooled(
      name: name, url: url, headers: request.allHTTPHeaderFields ?? [:], file: file)
    let place = folder.appendingPathComponent("\(UUID().uuidString).request")
    try JSONEncoder().encode(spooled).write(to: place, options: .atomic)
  }

  func running() async -> Set<String> {
    let requests = files("request").compactMap { try? read(Spooled.self, $0).name }
    let answers = files("answer").compactMap { try? read(SpooledAnswer.self, $0).name }
    return Set(requests + answers)
  }

  /// Delivers the answers that are there.
  func deliver(to sync: BackgroundSync) async throws {
    for url in files("answer") {
      let answer = try read(SpooledAnswer.self, url)
      try await sync.finished(
        answer.name,
        TransferAnswer(status: answer.status, headers: answer.headers, body: answer.body))
      try FileManager.default.removeItem(at: url)
    }
  }

  private func files(_ ending: String) -> [URL] {
    let all = try? FileManager.default.contentsOfDirectory(
      at: folder, includingPropertiesForKeys: nil)
    return (all ?? []).filter { $0.pathExtension == ending }
  }

  private func read<Value: Decodable>(_ type: Value.Type, _ url: URL) throws -> Value {
    try JSONDecoder().decode(type, from: Data(contentsOf: url))
  }
}

/// Has another process send 60 changes, five at a time.
func spool(from outbox: String, to spool: String, _ session: UserSession) async throws {
  let transfers = SpoolTransfers(folder: URL(fileURLWithPath: spool))
  let sync = BackgroundSync(
    folder: URL(fileURLWithPath: outbox), source: CountedSource(count: 60, hangAt: nil),
    client: UserClient(session), transfers: transfers, limit: 5)
  repeat {
    try await transfers.deliver(to: sync)
    try await sync.run()
    try await Task.sleep(nanoseconds: 2_000_000)
  } while await !transfers.running().isEmpty
}

import Foundation
import OpenWearables

/// The changes of a user that are not stored at the server yet, as files in a folder. Each file
/// is written as a whole and renamed into place, so that a process may end at any moment.
struct Outbox: Sendable {
  /// The changes of one query.
  struct Batch: Sendable, Codable, Equatable {
    var added: [WorkoutSample]
    var deleted: [UUID]
  }

  private let folder: URL

  /// `user` is the id of the user: every user has an outbox and an anchor of their own.
  init(folder: URL, user: String) throws {
    self.folder = folder.appendingPathComponent(user, isDirectory: true)
    try FileManager.default.createDirectory(
      at: self.folder, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
  }

  /// Where the next query begins; nil for the first.
  func anchor() throws -> Data? { try read("anchor") }

  /// Keeps changes, and then the anchor behind them. If the process ends in between, the same
  /// changes come again, which is harmless.
  func keep(_ batch: Batch, anchor: Data) throws {
    if !batch.added.isEmpty || !batch.deleted.isEmpty {
      let last = try files().last.flatMap { Int($0.dropFirst(6)) } ?? 0
      let number = String(last + 1)
      let name = "batch-" + String(repeating: "0", count: max(0, 12 - number.count)) + number
      try write(try JSONEncoder().encode(batch), name)
    }
    try write(anchor, "anchor")
  }

  /// The names of the batches, oldest first.
  func files() throws -> [String] {
    try FileManager.default.contentsOfDirectory(atPath: folder.path)
      .filter { $0.hasPrefix("batch-") && !$0.hasSuffix(".new") }.sorted()
  }

  /// Returns a batch; nil if its file cannot be read as one, which no retry would change.
  func batch(_ name: String) throws -> Batch? {
    guard let data = try read(name) else { return nil }
    return try? JSONDecoder().decode(Batch.self, from: data)
  }

  func remove(_ name: String) throws {
    try FileManager.default.removeItem(at: folder.appendingPathComponent(name))
  }

  // MARK: - The server's ids

  /// Remembers the ids that the server gave, by which workouts are deleted.
  func remember(_ ids: [UUID: String]) throws {
    guard !ids.isEmpty else { return }
    let lines = ids.map { "\($0.key.uuidString) \($0.value)\n" }.sorted().joined()
    let url = folder.appendingPathComponent("ids")
    if !FileManager.default.fileExists(atPath: url.path) { try write(Data(), "ids") }
    let file = try FileHandle(forWritingTo: url)
    defer { try? file.close() }
    try file.seekToEnd()
    try file.write(contentsOf: Data(lines.utf8))
    try file.synchronize()
  }

  /// Returns the ids of workouts, as far as they are known. An id that another workout has
  /// got since is left out: its app has replaced the one by the other.
  func ids(of uuids: Set<UUID>) throws -> [UUID: String] {
    guard !uuids.isEmpty, let data = try read("ids") else { return [:] }
    let lines = data.split(separator: UInt8(ascii: "\n"))
    var found: [UUID: String] = [:]
    for line in lines {
      if let (uuid, id) = entry(line), uuids.contains(uuid) { found[uuid] = id }
    }
    let wanted = Set(found.values)
    var owner: [String: UUID] = [:]
    for line in lines {
      if let (uuid, id) = entry(line), wanted.contains(id) { owner[id] = uuid }
    }
    return found.filter { owner[$0.value] == $0.key }
  }

  private func entry(_ line: Data) -> (UUID, String)? {
    let parts = String(decoding: line, as: UTF8.self).split(separator: " ")
    guard parts.count == 2, let uuid = UUID(uuidString: String(parts[0])) else { return nil }
    return (uuid, String(parts[1]))
  }

  // MARK: - Files

  private func read(_ name: String) throws -> Data? {
    let url = folder.appendingPathComponent(name)
    guard FileManager.default.fileExists(atPath: url.path) else { return nil }
    return try Data(contentsOf: url)
  }

  private func write(_ data: Data, _ name: String) throws {
    #if os(iOS) || os(watchOS) || os(visionOS)
      // As the keychain's item: readable after the first unlock.
      let options: Data.WritingOptions = [
        .atomic, .completeFileProtectionUntilFirstUserAuthentication,
      ]
    #else
      let options: Data.WritingOptions = [.atomic]
    #endif
    try data.write(to: folder.appendingPathComponent(name), options: options)
  }
}

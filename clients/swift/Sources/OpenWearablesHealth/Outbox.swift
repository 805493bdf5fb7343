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
  /// The ids that the server gave to workouts.
  let ids: Ledger

  /// `user` is the id of the user: every user has an outbox and an anchor of their own.
  init(folder: URL, user: String) throws {
    self.folder = folder.appendingPathComponent(user, isDirectory: true)
    try FileManager.default.createDirectory(
      at: self.folder, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
    ids = Ledger(url: self.folder.appendingPathComponent("ids"))
    sweep()
  }

  /// Removes what a process left that was killed while it wrote: files that are not of the
  /// outbox, an hour after they were written.
  private func sweep() {
    let all = try? FileManager.default.contentsOfDirectory(
      at: folder, includingPropertiesForKeys: [.contentModificationDateKey])
    for url in all ?? [] where !isOwn(url.lastPathComponent) {
      let written = try? url.resourceValues(forKeys: [.contentModificationDateKey])
        .contentModificationDate
      if let written, written.timeIntervalSinceNow < -3600 {
        try? FileManager.default.removeItem(at: url)
      }
    }
  }

  private func isOwn(_ name: String) -> Bool {
    name == "anchor" || name == "ids" || name.hasPrefix("batch-")
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

  // MARK: - Files

  private func read(_ name: String) throws -> Data? {
    let url = folder.appendingPathComponent(name)
    guard FileManager.default.fileExists(atPath: url.path) else { return nil }
    return try Data(contentsOf: url)
  }

  private func write(_ data: Data, _ name: String) throws {
    try writePrivate(data, to: folder.appendingPathComponent(name))
  }
}

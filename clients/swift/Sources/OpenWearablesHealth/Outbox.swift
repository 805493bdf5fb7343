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

  /// Removes what a process left that was killed: bodies of batches that are gone, and, an hour
  /// after they were written, files that are not of the outbox.
  private func sweep() {
    let all = try? FileManager.default.contentsOfDirectory(
      at: folder, includingPropertiesForKeys: [.contentModificationDateKey])
    let names = Set((all ?? []).map(\.lastPathComponent))
    for url in all ?? [] where !isOwn(url.lastPathComponent, among: names) {
      let written = try? url.resourceValues(forKeys: [.contentModificationDateKey])
        .contentModificationDate
      let isBody = url.lastPathComponent.hasPrefix(bodyPrefix)
      if let written, written.timeIntervalSinceNow < -3600 || isBody {
        try? FileManager.default.removeItem(at: url)
      }
    }
  }

  private func isOwn(_ name: String, among names: Set<String>) -> Bool {
    name == "anchor" || name == "ids" || Self.isBatch(name)
      || name.hasPrefix(bodyPrefix) && names.contains(String(name.dropFirst(bodyPrefix.count)))
  }

  static func isBatch(_ name: String) -> Bool {
    name.hasPrefix("batch-") && name.dropFirst(6).allSatisfy(\.isNumber)
  }

  /// Where the next query begins; nil for the first.
  func anchor() throws -> Data? { try read("anchor") }

  /// Keeps changes, at most `limit` new workouts in a batch, and then the anchor behind them. If
  /// the process ends in between, the same changes come again, which is harmless.
  func keep(_ batch: Batch, anchor: Data, by limit: Int = .max) throws {
    var rest = batch.added[...]
    repeat {
      let first = Array(rest.prefix(limit))
      rest = rest.dropFirst(limit)
      try keep(Batch(added: first, deleted: rest.isEmpty ? batch.deleted : []))
    } while !rest.isEmpty
    try write(anchor, "anchor")
  }

  private func keep(_ batch: Batch) throws {
    guard !batch.added.isEmpty || !batch.deleted.isEmpty else { return }
    let last = try files().last.flatMap { Int($0.dropFirst(6)) } ?? 0
    let number = String(last + 1)
    let name = "batch-" + String(repeating: "0", count: max(0, 12 - number.count)) + number
    try write(try encoded(batch), name)
  }

  /// Takes out of a batch what is stored: its deletions are left, if it has any.
  func acknowledge(_ name: String) throws {
    guard let batch = try batch(name), !batch.deleted.isEmpty else { return try remove(name) }
    try write(try encoded(Batch(added: [], deleted: batch.deleted)), name)
  }

  /// Keeps the body of a call that sends a batch, until the batch is removed.
  func keepBody(_ body: Data, of name: String) throws -> URL {
    try write(body, bodyPrefix + name)
    return folder.appendingPathComponent(bodyPrefix + name)
  }

  /// Deletes workouts at the server, and returns how many. One whose id is not known is deleted
  /// by its UUID, which is its external id unless its app gave it another.
  func delete(_ uuids: [UUID], by client: UserClient) async throws -> Int {
    let known = try ids.ids(of: Set(uuids))
    var deleted = known.count
    for id in known.values.sorted() {
      do { try await client.workouts.delete(id) } catch {
        guard error.isNotFound else { throw error }
      }
    }
    var unknown = Set(uuids).subtracting(known.keys).map {
      WorkoutReference(
        provider: WorkoutInput.healthKitProvider, externalID: $0.uuidString.lowercased())
    }[...]
    while !unknown.isEmpty {
      deleted += try await client.workouts.deleteMany(Array(unknown.prefix(1000))).deleted
      unknown = unknown.dropFirst(1000)
    }
    try ids.forget(known.keys)
    return deleted
  }

  /// The names of the batches, oldest first.
  func files() throws -> [String] {
    try FileManager.default.contentsOfDirectory(atPath: folder.path)
      .filter(Self.isBatch).sorted()
  }

  /// Returns a batch; nil if its file cannot be read as one, which no retry would change.
  func batch(_ name: String) throws -> Batch? {
    guard let data = try read(name) else { return nil }
    let decoder = JSONDecoder()
    decoder.nonConformingFloatDecodingStrategy = .convertFromString(
      positiveInfinity: "inf", negativeInfinity: "-inf", nan: "nan")
    return try? decoder.decode(Batch.self, from: data)
  }

  /// Writes what no JSON number can say as a text: it must not keep the others back.
  private func encoded(_ batch: Batch) throws -> Data {
    let encoder = JSONEncoder()
    encoder.nonConformingFloatEncodingStrategy = .convertToString(
      positiveInfinity: "inf", negativeInfinity: "-inf", nan: "nan")
    return try encoder.encode(batch)
  }

  func remove(_ name: String) throws {
    try FileManager.default.removeItem(at: folder.appendingPathComponent(name))
    let body = folder.appendingPathComponent(bodyPrefix + name)
    if FileManager.default.fileExists(atPath: body.path) {
      try FileManager.default.removeItem(at: body)
    }
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

/// Before the name of a batch: the file with the body of the call that sends it.
private let bodyPrefix = "body-"

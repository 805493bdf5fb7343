import Foundation

/// The ids that the server gave to workouts, by which they are deleted: a file to which lines
/// are appended.
///
/// A line is the UUID of a workout and its id, or `-` once it is deleted. A process may end at
/// any moment: what comes behind the last line's end was not written as a whole and does not
/// count. When the file reaches 64 KiB and each time it has doubled, it is replaced by one with
/// only the lines that count, of which it keeps the newest.
struct Ledger: Sendable {
  private let url: URL
  private let limit: Int

  /// `limit` is the most workouts whose ids are kept.
  init(url: URL, limit: Int = 100_000) {
    self.url = url
    self.limit = limit
  }

  func remember(_ ids: [UUID: String]) throws {
    try append(
      ids.filter { !$0.value.isEmpty && !$0.value.contains(where: \.isWhitespace) })
  }

  /// Forgets workouts that are deleted at the server.
  func forget(_ uuids: some Sequence<UUID>) throws {
    try append(Dictionary(uuids.map { ($0, gone) }, uniquingKeysWith: { first, _ in first }))
  }

  /// Returns the ids of workouts, as far as they are known. An id that another workout has
  /// got since is left out: its app has replaced the one by the other.
  func ids(of uuids: Set<UUID>) throws -> [UUID: String] {
    guard !uuids.isEmpty else { return [:] }
    return try current(uuids.contains).mapValues(\.id)
  }

  private func append(_ ids: [UUID: String]) throws {
    guard !ids.isEmpty else { return }
    if !FileManager.default.fileExists(atPath: url.path) { try writePrivate(Data(), to: url) }
    let before = try content().count
    let file = try FileHandle(forUpdating: url)
    defer { try? file.close() }
    try file.truncate(atOffset: UInt64(before))
    try file.seekToEnd()
    let lines = Data(ids.map { line($0.key, $0.value) }.sorted().joined().utf8)
    try file.write(contentsOf: lines)
    try file.synchronize()
    let after = before + lines.count
    if after >> 16 > 0, before.leadingZeroBitCount != after.leadingZeroBitCount {
      try? compact()  // without room on the disk, the longer file does too
    }
  }

  private func compact() throws {
    let newest = try current { _ in true }.sorted { $0.value.place < $1.value.place }.suffix(limit)
    try writePrivate(Data(newest.map { line($0.key, $0.value.id) }.joined().utf8), to: url)
  }

  /// Returns the ids that count, with the places of their lines.
  private func current(_ isWanted: (UUID) -> Bool) throws -> [UUID: (id: String, place: Int)] {
    let lines = try content().split(separator: UInt8(ascii: "\n"))
    var found: [UUID: (id: String, place: Int)] = [:]
    for (place, line) in lines.enumerated() {
      if let (uuid, id) = entry(line), isWanted(uuid) {
        found[uuid] = id == gone ? nil : (id, place)
      }
    }
    let ids = Set(found.values.map(\.id))
    var owner: [String: UUID] = [:]
    for line in lines {
      if let (uuid, id) = entry(line), ids.contains(id) { owner[id] = uuid }
    }
    return found.filter { owner[$0.value.id] == $0.key }
  }

  private func line(_ uuid: UUID, _ id: String) -> String { "\(uuid.uuidString) \(id)\n" }

  private func entry(_ line: Data) -> (UUID, String)? {
    let parts = String(decoding: line, as: UTF8.self).split(separator: " ")
    guard parts.count == 2, let uuid = UUID(uuidString: String(parts[0])) else { return nil }
    return (uuid, String(parts[1]))
  }

  /// Returns the whole lines.
  private func content() throws -> Data {
    guard FileManager.default.fileExists(atPath: url.path) else { return Data() }
    let data = try Data(contentsOf: url)
    return data.prefix((data.lastIndex(of: UInt8(ascii: "\n")) ?? -1) + 1)
  }
}

/// In place of the id of a workout that is deleted.
private let gone = "-"

/// Writes a file as a whole, or not at all.
func writePrivate(_ data: Data, to url: URL) throws {
  #if os(iOS) || os(watchOS) || os(visionOS)
    // As the keychain's item: readable after the first unlock.
    let options: Data.WritingOptions = [
      .atomic, .completeFileProtectionUntilFirstUserAuthentication,
    ]
  #else
    let options: Data.WritingOptions = [.atomic]
  #endif
  try data.write(to: url, options: options)
}

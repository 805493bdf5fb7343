import Foundation
import OpenWearables
import OpenWearablesHealth

/// Sends 60 changes, five at a time.
func send(from outbox: String, _ session: UserSession, hangAt: Int?) async throws {
  let sync = HealthSync(
    folder: URL(fileURLWithPath: outbox), source: CountedSource(count: 60, hangAt: hangAt),
    client: UserClient(session), limit: 5)
  try await sync.run()
}

/// A source of changes that are always the same: every fifth deletes the workout before it, and
/// the others add one. Its anchor is their number so far.
struct CountedSource: SampleSource {
  let count: Int
  /// The place at which it stops, to be killed within five minutes.
  let hangAt: Int?

  func changes(since anchor: Data?, limit: Int) async throws -> SampleChanges {
    let first = anchor.flatMap { Int(String(decoding: $0, as: UTF8.self)) } ?? 0
    if first == hangAt {
      say("hanging")
      sleep(300)
      exit(1)
    }
    let end = min(first + limit, count)
    var changes = SampleChanges(
      added: [], deleted: [], anchor: Data(String(end).utf8), hasMore: end < count)
    for i in first..<end {
      if i % 5 == 4 { changes.deleted.append(uuid(i - 1)) } else { changes.added.append(sample(i)) }
    }
    return changes
  }

  private func sample(_ i: Int) -> WorkoutSample {
    let start = Date(timeIntervalSince1970: 1_783_000_000 + Double(i) * 60)
    return WorkoutSample(
      uuid: uuid(i), activity: 37, start: start, end: start.addingTimeInterval(30), duration: 30,
      sourceName: "Workout", sourceBundle: "com.apple.health")
  }

  private func uuid(_ i: Int) -> UUID {
    UUID(uuid: (0, 0, 0, 0, 0, 0, 0x40, 0, 0x80, 0, 0, 0, 0, 0, 0, UInt8(truncatingIfNeeded: i)))
  }
}

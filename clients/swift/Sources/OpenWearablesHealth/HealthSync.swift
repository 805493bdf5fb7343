import Foundation
import OpenWearables

/// Sends the workouts of a source, such as HealthKit, to the server: new and changed ones are
/// stored, deleted ones deleted.
///
/// Changes are first written to files and then sent, so that nothing is lost when the app is
/// killed, and everything that was sent twice is stored once. Make one for a folder, and call
/// ``run()`` whenever there may be something: when the app starts, from an observer query, and
/// from a background task.
public actor HealthSync {
  /// What one run did.
  public struct Report: Sendable {
    public internal(set) var stored = 0
    public internal(set) var deleted = 0
    /// The workouts that the server refuses for what they are. They are not sent again.
    public internal(set) var rejected: [UploadReport.Item] = []
    /// Whether the source could be read; else only what was kept before was sent.
    public internal(set) var isLocked = false
  }

  private let folder: URL
  private let source: any SampleSource
  private let client: UserClient
  private let limit: Int
  private var running: Task<Report, any Error>?

  /// - Parameters:
  ///   - folder: where the anchor and what is not sent yet are kept, for each user apart. It
  ///     holds health data: choose a folder that is in no backup and that no other app reads.
  ///   - client: of the person whose data the source holds.
  ///   - limit: about how many changes are read at once.
  public init(folder: URL, source: any SampleSource, client: UserClient, limit: Int = 500) {
    self.folder = folder
    self.source = source
    self.client = client
    self.limit = min(max(limit, 1), 5000)
  }

  /// Sends what is kept, and then what is new, until there is no more. A second call while one
  /// runs waits for that one.
  ///
  /// - Throws: ``APIError`` if the server could not be reached or refuses; an error of the
  ///   source or of the file system. What is not sent is kept for the next run.
  @discardableResult
  public func run() async throws -> Report {
    if let running { return try await running.value }
    let task = Task { try await self.work() }
    running = task
    defer { running = nil }
    return try await withTaskCancellationHandler {
      try await task.value
    } onCancel: {
      task.cancel()
    }
  }

  private func work() async throws -> Report {
    let outbox = try Outbox(folder: folder, user: try await client.id())
    var report = Report()
    try await send(outbox, &report)
    while true {
      let changes: SampleChanges
      do { changes = try await source.changes(since: outbox.anchor(), limit: limit) } catch {
        guard error is SourceLocked else { throw error }
        report.isLocked = true
        return report
      }
      try outbox.keep(.init(added: changes.added, deleted: changes.deleted), anchor: changes.anchor)
      try await send(outbox, &report)
      if !changes.hasMore { return report }
    }
  }

  private func send(_ outbox: Outbox, _ report: inout Report) async throws {
    for name in try outbox.files() {
      if let batch = try outbox.batch(name) {
        try await store(batch.added, outbox, &report)
        report.deleted += try await outbox.delete(batch.deleted, by: client)
      }
      try outbox.remove(name)
    }
  }

  private func store(_ samples: [WorkoutSample], _ outbox: Outbox, _ report: inout Report)
    async throws
  {
    let upload = await client.workouts.upsertAll(samples.lazy.map { WorkoutInput($0) })
    var ids: [UUID: String] = [:]
    for item in upload.items {
      switch item.outcome {
      case .created(let id), .updated(let id): ids[samples[item.index].uuid] = id
      case .rejected: report.rejected.append(item)
      }
    }
    try outbox.ids.remember(ids)
    try upload.check()
    report.stored += ids.count
  }
}

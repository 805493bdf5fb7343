import Foundation
import OpenWearables

/// Sends the workouts of a source, as ``HealthSync`` does, by files that the system sends for
/// the app: also while it is suspended, and after it was killed.
///
/// Changes are written to files before anything is sent, and a file stays until the server has
/// answered it. One file of a user is under way at a time, so that what came later is stored
/// later. Make one for a folder, give it what the transfers deliver, and call ``run(until:)``
/// whenever there may be something. A folder is for this or for a ``HealthSync``, not for both.
public actor BackgroundSync {
  private let folder: URL
  private let source: any SampleSource
  private let client: UserClient
  private let transfers: any BackgroundTransfers
  private let limit: Int
  private let onAnswer: @Sendable (SyncAnswer) -> Void
  /// The end of the work before: one step follows the other.
  private var last: Task<Void, Never>?

  /// - Parameters:
  ///   - folder: as that of a ``HealthSync``.
  ///   - client: of the person whose data the source holds.
  ///   - limit: the most workouts of a file: 1 to 1000.
  ///   - onAnswer: told what became of each file.
  public init(
    folder: URL, source: any SampleSource, client: UserClient,
    transfers: any BackgroundTransfers, limit: Int = 500,
    onAnswer: @escaping @Sendable (SyncAnswer) -> Void = { _ in }
  ) {
    self.folder = folder
    self.source = source
    self.client = client
    self.transfers = transfers
    self.limit = min(max(limit, 1), 1000)
    self.onAnswer = onAnswer
  }

  /// Keeps what is new in the source, and hands the first file that is not under way over to
  /// the system. It returns before anything is sent.
  ///
  /// It reads the source until there is no more, its task is cancelled or `end` has come, as
  /// that of a background task. Cancel it when the system says that the time is over: what was
  /// read is kept, and the next run goes on there.
  ///
  /// - Throws: ``SourceLocked`` if the source could not be read, after what was kept before is
  ///   handed over; ``APIError`` if nobody is signed in or no token could be had; an error of
  ///   the source or of the file system.
  public func run(until end: Date = .distantFuture) async throws {
    try await inTurn { try await self.work(until: end) }
  }

  /// Takes what a transfer came to, and hands over the next file. Names of other parts of the
  /// app are ignored. Call it for each that the system delivers, in any process of the app.
  public func finished(_ name: String, _ answer: TransferAnswer) async throws {
    guard let name = TransferName(name) else { return }
    try await inTurn { try await self.take(answer, of: name) }
  }

  private func inTurn(_ work: @escaping @Sendable () async throws -> Void) async throws {
    let before = last
    let task = Task {
      await before?.value
      try await work()
    }
    last = Task { _ = await task.result }
    try await withTaskCancellationHandler {
      try await task.value
    } onCancel: {
      task.cancel()
    }
  }

  // MARK: - Steps

  private func work(until end: Date) async throws {
    let user = try await client.id()
    let outbox = try Outbox(folder: folder, user: user)
    var failure: (any Error)?
    do { try await handOver(outbox, user) } catch { failure = error }
    var hasMore = true
    while hasMore, Date() < end, !Task.isCancelled, try outbox.files().count < mostFiles {
      let changes = try await source.changes(since: outbox.anchor(), limit: limit)
      try outbox.keep(
        .init(added: changes.added, deleted: changes.deleted), anchor: changes.anchor, by: limit)
      hasMore = changes.hasMore
    }
    if let failure { throw failure }
    try await handOver(outbox, user)
  }

  /// Hands over the oldest file, unless one of the user is under way. What needs no transfer,
  /// as a file with deletions alone, is done at once.
  private func handOver(
    _ outbox: Outbox, _ user: String, answered: TransferName? = nil
  ) async throws {
    let running = await transfers.running().compactMap { TransferName($0) }
    if running.contains(where: { $0.user == user && $0 != answered }) { return }
    while let batch = try outbox.files().first {
      guard let content = try outbox.batch(batch), !content.added.isEmpty else {
        try await delete(of: batch, outbox)
        continue
      }
      try await begin(
        TransferName(user: user, batch: batch, failures: 0), content, outbox, after: 0)
      return
    }
  }

  /// With `renewing`, the token of the attempt before was refused.
  private func begin(
    _ name: TransferName, _ content: Outbox.Batch, _ outbox: Outbox, after delay: TimeInterval,
    renewing: Bool = false
  ) async throws {
    let upload = try await client.upload(
      content.added.map { WorkoutInput($0) }, of: name.user, renewing: renewing)
    let file = try outbox.keepBody(upload.body, of: name.batch)
    try await transfers.begin(name.text, upload.request, file: file, after: delay)
  }

  /// Deletes what a file says is deleted, and removes it.
  private func delete(of batch: String, _ outbox: Outbox) async throws {
    if let content = try outbox.batch(batch) {
      _ = try await outbox.delete(content.deleted, by: client)
    }
    try outbox.remove(batch)
  }

  private func take(_ answer: TransferAnswer, of name: TransferName) async throws {
    let outbox = try Outbox(folder: folder, user: name.user)
    guard let content = try outbox.batch(name.batch), try outbox.files().first == name.batch else {
      return  // it was answered before
    }
    let inputs = content.added.map { WorkoutInput($0) }
    let items: [UploadReport.Item]
    do throws(APIError) {
      items = try client.items(of: inputs, answer.status, answer.headers, answer.body)
    } catch {
      onAnswer(SyncAnswer(user: name.user, items: [], error: error))
      return try await again(name, content, outbox, error)
    }
    var ids: [UUID: String] = [:]
    for item in items {
      if let id = item.outcome.id { ids[content.added[item.index].uuid] = id }
    }
    try outbox.ids.remember(ids)
    try outbox.acknowledge(name.batch)
    onAnswer(SyncAnswer(user: name.user, items: items, error: nil))
    if try await client.id() == name.user {
      try await handOver(outbox, name.user, answered: name)
    }
  }

  /// Sends a file again, later, if that may help. Else it stays for the next run.
  private func again(
    _ name: TransferName, _ content: Outbox.Batch, _ outbox: Outbox, _ error: APIError
  ) async throws {
    let isRefused = error.isUnauthenticated
    guard isRefused || error.isTransient, name.failures < mostFailures,
      try await client.id() == name.user
    else { return }
    let delay = isRefused ? 0 : max(error.retryAfter ?? 0, pause(after: name.failures))
    // A token that waited too long is over, which the session knows; one that is refused
    // again has been ended.
    try await begin(
      name.failed(), content, outbox, after: delay, renewing: isRefused && name.failures > 0)
  }
}

/// What became of one file.
public struct SyncAnswer: Sendable {
  /// The id of the user whose it is.
  public let user: String
  /// What became of each workout, in the order of the file.
  public let items: [UploadReport.Item]
  /// Why the file was not stored. It is sent again, now or by a later run.
  public let error: APIError?
}

/// How often a file is sent again before it waits for the next run.
private let mostFailures = 8

/// The files of a user beyond which the source is not read on.
private let mostFiles = 200

extension UploadReport.Item.Outcome {
  /// The id that the server gave the workout; nil if it was not stored.
  fileprivate var id: String? {
    switch self {
    case .created(let id), .updated(let id): id
    case .rejected: nil
    }
  }
}

/// Returns the seconds until a file is sent again: half a minute, doubling up to an hour.
private func pause(after failures: Int) -> TimeInterval {
  min(30 * pow(2, Double(failures)), 3600)
}

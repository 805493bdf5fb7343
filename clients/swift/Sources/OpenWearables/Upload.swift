import Foundation

/// How ``Workouts/upsertAll(userID:_:options:progress:)`` sends workouts.
public struct UploadOptions: Sendable {
  /// The most workouts in one call: 1 to 1000. A call counts against the rate limit once for
  /// every 100 that it begins.
  public var batchSize: Int
  /// The most bytes of one call, at most 8 MiB. A workout that is larger goes alone.
  public var batchBytes: Int
  /// How often a batch is sent again after failures that may pass, with the client's own
  /// retries each time.
  public var retries: Int
  /// The most seconds to wait for the server before a batch is sent again. If it asks for
  /// more, the upload stops.
  public var maxWait: TimeInterval
  /// How many workouts at the beginning are stored already: ``UploadReport/done`` of an
  /// upload that stopped.
  public var resumeAt: Int
  /// Stores a batch only if all of its workouts are right. The first that is wrong ends the
  /// upload with an error of the kind `invalid`, whose fields name it by its place in the
  /// sequence. The batches before stay stored, as ``UploadReport/done`` says.
  public var allOrNone: Bool
  /// The options of each call. Its timeout is that of one batch.
  public var call: CallOptions

  public init(
    batchSize: Int = 500, batchBytes: Int = 4 << 20, retries: Int = 4,
    maxWait: TimeInterval = 60, resumeAt: Int = 0, allOrNone: Bool = false,
    call: CallOptions = CallOptions()
  ) {
    self.batchSize = min(max(batchSize, 1), 1000)
    self.batchBytes = min(max(batchBytes, 1), 8 << 20)
    self.retries = max(retries, 0)
    self.maxWait = maxWait
    self.resumeAt = max(resumeAt, 0)
    self.allOrNone = allOrNone
    self.call = call
  }
}

/// What an upload came to.
public struct UploadReport: Sendable {
  /// What became of one workout.
  public struct Item: Sendable, Hashable {
    public enum Outcome: Sendable, Hashable {
      /// With the id that the server gave it.
      case created(id: String)
      case updated(id: String)
      /// It is wrong and was not stored; sending it again changes nothing. The field is one
      /// of the workout, such as `end_time`.
      case rejected(field: String, message: String)
    }

    /// Its place in the sequence, from 0.
    public let index: Int
    public let externalID: String
    public let outcome: Outcome

    @_alwaysEmitIntoClient
    init(index: Int, externalID: String, outcome: Outcome) {
      self.index = index
      self.externalID = externalID
      self.outcome = outcome
    }
  }

  /// Of all workouts of the batches that were answered, in order.
  public let items: [Item]
  /// The place of the first workout that was not sent, for ``UploadOptions/resumeAt``.
  public let done: Int
  /// Why the upload stopped before the end; nil if all were sent.
  public let error: APIError?

  @_alwaysEmitIntoClient
  init(items: [Item] = [], done: Int, error: APIError? = nil) {
    self.items = items
    self.done = done
    self.error = error
  }

  @_alwaysEmitIntoClient
  public var created: Int { items.count { if case .created = $0.outcome { true } else { false } } }
  @_alwaysEmitIntoClient
  public var updated: Int { items.count { if case .updated = $0.outcome { true } else { false } } }
  /// The workouts that are wrong.
  @_alwaysEmitIntoClient
  public var rejected: [Item] {
    items.filter { if case .rejected = $0.outcome { true } else { false } }
  }

  /// Throws the error that stopped the upload.
  public func check() throws(APIError) { if let error { throw error } }
}

/// How far an upload is.
public struct UploadProgress: Sendable, Hashable {
  /// The workouts that the server has answered, the skipped ones included.
  public let done: Int
  public let rejected: Int

  @_alwaysEmitIntoClient
  init(done: Int, rejected: Int) {
    self.done = done
    self.rejected = rejected
  }
}

extension Workouts {
  /// Stores any number of workouts in batches, one after the other, and reports what became of
  /// each. A batch that fails is sent again, with the same idempotency key, after the time
  /// that the server asks for. If that does not help, the upload stops: the report has the
  /// error, and `done`, from which another upload goes on. Sending a workout again is
  /// harmless.
  ///
  /// The sequence is read as it is sent. `progress` is called after each batch.
  @_alwaysEmitIntoClient
  public func upsertAll(
    userID: String, _ workouts: some Sequence<WorkoutInput>,
    options: UploadOptions = UploadOptions(),
    progress: (@Sendable (UploadProgress) -> Void)? = nil
  ) async -> UploadReport {
    let batches = Batches(workouts.makeIterator(), options)
    var answered: [UploadReport.Item] = []
    var done = options.resumeAt
    var rejected = 0
    while true {
      do throws(APIError) {
        guard let batch = batches.next(from: done) else {
          return UploadReport(items: answered, done: done)
        }
        var items = batch.items(from: done)
        if options.allOrNone, let first = items.first { throw .wrong(first) }
        if !batch.inputs.isEmpty {
          for item in try await send(batch, of: userID, options, from: done) {
            items.append(
              .init(
                index: done + batch.places[item.index], externalID: item.externalID,
                outcome: item.outcome))
          }
        }
        var places = [UploadReport.Item?](repeating: nil, count: batch.count)
        for item in items { places[item.index - done] = item }
        answered += places.compactMap { $0 }
        done += batch.count
        rejected += items.count { if case .rejected = $0.outcome { true } else { false } }
        progress?(UploadProgress(done: done, rejected: rejected))
      } catch {
        return UploadReport(items: answered, done: done, error: error)
      }
    }
  }

  @_alwaysEmitIntoClient
  func send(
    _ batch: Batch, of userID: String, _ options: UploadOptions, from start: Int
  ) async throws(APIError) -> [UploadReport.Item] {
    var call = options.call
    call.idempotencyKey = call.idempotencyKey ?? randomKey()
    var n = 0
    while true {
      if Task.isCancelled { throw .canceled() }
      do throws(APIError) {
        return try await answered(batch, of: userID, options, call, from: start)
      } catch {
        n += 1
        guard n <= options.retries, error.isTransient else { throw error }
        let wait = max(error.retryAfter ?? 0, Wait.backoff(n))
        guard wait <= options.maxWait else { throw error }
        guard await pause(wait) else { throw .canceled() }
      }
    }
  }

  /// Sends a batch. A refusal that names every workout as wrong is an answer too.
  @_alwaysEmitIntoClient
  func answered(
    _ batch: Batch, of userID: String, _ options: UploadOptions, _ call: CallOptions,
    from start: Int
  ) async throws(APIError) -> [UploadReport.Item] {
    do throws(APIError) {
      let response = try await upsert(
        userID: userID, batch.inputs, allOrNone: options.allOrNone, options: call)
      return items(response, batch.inputs)
    } catch {
      if options.allOrNone { throw error.placed(batch.places.map { start + $0 }) }
      guard let items = refused(batch.inputs, error) else { throw error }
      return items
    }
  }
}

/// Returns the items of a response in the order of its batch.
@_alwaysEmitIntoClient
func items(_ response: UpsertWorkoutsResponse, _ batch: [WorkoutInput])
  -> [UploadReport.Item]
{
  var rejected = [RejectedWorkout?](repeating: nil, count: batch.count)
  for wrong in response.rejected where rejected.indices.contains(wrong.index) {
    rejected[wrong.index] = rejected[wrong.index] ?? wrong
  }
  var stored = response.items.makeIterator()
  return batch.enumerated().compactMap { i, input in
    let outcome: UploadReport.Item.Outcome
    if let wrong = rejected[i] {
      outcome = .rejected(field: fieldOfWorkout(wrong.field), message: wrong.message)
    } else {
      guard let item = stored.next() else { return nil }
      outcome = item.status == .created ? .created(id: item.id) : .updated(id: item.id)
    }
    return .init(index: i, externalID: input.externalID, outcome: outcome)
  }
}

/// Returns the items of a batch that was refused because every workout in it is wrong; nil if
/// it was refused for another reason.
@_alwaysEmitIntoClient
func refused(_ batch: [WorkoutInput], _ error: APIError) -> [UploadReport.Item]? {
  guard error.isInvalid else { return nil }
  var wrong = [APIError.FieldViolation?](repeating: nil, count: batch.count)
  for violation in error.fields {
    guard let index = indexOfWorkout(violation.field), wrong.indices.contains(index) else {
      continue
    }
    wrong[index] = wrong[index] ?? violation
  }
  guard wrong.allSatisfy({ $0 != nil }) else { return nil }
  return batch.enumerated().compactMap { i, input in
    wrong[i].map {
      .init(
        index: i, externalID: input.externalID,
        outcome: .rejected(field: fieldOfWorkout($0.field), message: $0.message))
    }
  }
}

/// Returns 3 for `workouts[3].end_time`.
@_alwaysEmitIntoClient
func indexOfWorkout(_ field: String) -> Int? {
  guard field.hasPrefix("workouts["), let end = field.firstIndex(of: "]") else { return nil }
  return Int(field[field.index(field.startIndex, offsetBy: 9)..<end])
}

/// Returns `end_time` for `workouts[3].end_time`.
@_alwaysEmitIntoClient
func fieldOfWorkout(_ field: String) -> String {
  guard indexOfWorkout(field) != nil, let end = field.range(of: "].") else { return field }
  return String(field[end.upperBound...])
}

/// Cuts a sequence into batches of a bounded number and size.
@usableFromInline final class Batches<Source: IteratorProtocol>
where Source.Element == WorkoutInput {
  @usableFromInline var source: Source
  @usableFromInline let options: UploadOptions
  /// The one that did not fit into the batch before, and its size.
  @usableFromInline var held: (WorkoutInput, Result<Int, MessageError>)?
  @usableFromInline var read: Int

  @_alwaysEmitIntoClient
  init(_ source: Source, _ options: UploadOptions) {
    self.source = source
    self.options = options
    held = nil
    read = 0
  }

  /// Returns the batch that begins at a place; nil at the end.
  @_alwaysEmitIntoClient
  func next(from start: Int) -> Batch? {
    while read < start {
      guard source.next() != nil else { return nil }
      read += 1
    }
    var batch = Batch()
    var bytes = 128  // what is around the workouts
    while batch.count < options.batchSize, let (input, size) = take() {
      do throws(MessageError) {
        let size = try size.get()
        guard batch.inputs.isEmpty || bytes + size <= options.batchBytes else {
          held = (input, .success(size))
          break
        }
        bytes += size
        batch.places.append(batch.count)
        batch.inputs.append(input)
      } catch { batch.wrong.append((batch.count, input.externalID, error)) }
    }
    return batch.count == 0 ? nil : batch
  }

  @_alwaysEmitIntoClient
  func take() -> (WorkoutInput, Result<Int, MessageError>)? {
    if let held {
      self.held = nil
      return held
    }
    guard let input = source.next() else { return nil }
    read += 1
    do throws(MessageError) { return (input, .success(try input.jsonUTF8().count + 1)) } catch {
      return (input, .failure(error))
    }
  }
}

/// The workouts of one call, and those beside them that cannot be sent.
@usableFromInline struct Batch {
  @usableFromInline var inputs: [WorkoutInput]
  /// The places of the inputs in the batch.
  @usableFromInline var places: [Int]
  @usableFromInline var wrong: [(place: Int, externalID: String, error: MessageError)]

  @_alwaysEmitIntoClient
  init() { (inputs, places, wrong) = ([], [], []) }

  @_alwaysEmitIntoClient
  var count: Int { inputs.count + wrong.count }

  /// Returns the items of what cannot be sent.
  @_alwaysEmitIntoClient
  func items(from start: Int) -> [UploadReport.Item] {
    wrong.map {
      .init(
        index: start + $0.place, externalID: $0.externalID,
        outcome: .rejected(field: $0.error.field ?? "", message: $0.error.kind.rawValue))
    }
  }
}

extension APIError {
  /// The error of a workout that cannot be sent.
  @_alwaysEmitIntoClient
  static func wrong(_ item: UploadReport.Item) -> APIError {
    guard case .rejected(let field, let message) = item.outcome else { return .incomplete() }
    let path = "workouts[\(item.index)]" + (field.isEmpty ? "" : ".\(field)")
    return .invalid("\(path): \(message)", field: path)
  }

  /// Returns the refusal of a batch with the places of its workouts in the sequence.
  @_alwaysEmitIntoClient
  func placed(_ places: [Int]) -> APIError {
    let placed = fields.map { violation in
      guard let index = indexOfWorkout(violation.field), places.indices.contains(index) else {
        return violation
      }
      let field = fieldOfWorkout(violation.field)
      return FieldViolation(
        field: "workouts[\(places[index])]" + (field == violation.field ? "" : ".\(field)"),
        message: violation.message)
    }
    return naming(placed)
  }

  /// Sending the batch again may help.
  @usableFromInline package var isTransient: Bool {
    isRetryable || kind == .timeout || kind == .rateLimited || kind == .offline
  }
}

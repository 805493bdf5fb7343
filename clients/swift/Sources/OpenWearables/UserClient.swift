import Foundation

/// Calls an installation for the person whose session it is: only what a person's token may
/// call, and only about that person, so that no call takes an id.
public struct UserClient: Sendable {
  @usableFromInline let session: UserSession
  @usableFromInline let client: OpenWearablesClient

  public init(_ session: UserSession, options: OpenWearablesClient.Options = .init()) {
    self.session = session
    client = OpenWearablesClient(session, options: options)
  }

  /// The person's workouts.
  @_alwaysEmitIntoClient
  public var workouts: OwnWorkouts { OwnWorkouts(user: self, workouts: client.workouts) }

  /// The id of the person, a UUID, which the token names.
  public func id(options: CallOptions = CallOptions()) async throws(APIError) -> String {
    let deadline = Deadline(in: options.timeout ?? Wait.call)
    let token = try await session.bearer(
      refused: nil, userInitiated: options.userInitiated, by: deadline)
    guard let id = subject(of: token) else {
      throw .invalid("the access token names no user: is it one of a user?")
    }
    return id
  }

  /// Returns the person.
  @_alwaysEmitIntoClient
  public func me(options: CallOptions = CallOptions()) async throws(APIError) -> User {
    try await client.users.get(try await id(options: options), options: options)
  }

  /// Returns who read the person's data, newest first.
  @_alwaysEmitIntoClient
  public func accesses(options: CallOptions = CallOptions()) -> PagedSequence<Access> {
    pages(options) { client.audit.accesses(userID: $0, options: options) }
  }

  /// Reports the requests with the person's tokens, as ``UsageReports`` do.
  @_alwaysEmitIntoClient
  public func usage(
    from start: Date? = nil, to end: Date? = nil, by resolution: Usage.Resolution = .hour,
    options: CallOptions = CallOptions()
  ) async throws(APIError) -> Usage {
    let id = try await id(options: options)
    return try await client.usage.user(id, from: start, to: end, by: resolution, options: options)
  }

  /// Returns a list whose request needs the person's id.
  @_alwaysEmitIntoClient
  @_semantics("optimize.sil.specialize.generic.never")
  func pages<Item: Sendable>(
    _ options: CallOptions, _ list: @escaping @Sendable (String) -> PagedSequence<Item>
  ) -> PagedSequence<Item> {
    PagedSequence { cursor in try await list(try await id(options: options)).page(at: cursor) }
  }
}

/// The workouts of a person.
public struct OwnWorkouts: Sendable {
  @usableFromInline let user: UserClient
  @usableFromInline let workouts: Workouts

  @_alwaysEmitIntoClient
  init(user: UserClient, workouts: Workouts) {
    self.user = user
    self.workouts = workouts
  }

  /// Returns the workouts that began at `start` or later and before `end`, newest first. A
  /// page is fetched when it is needed.
  @_alwaysEmitIntoClient
  public func list(from start: Date, to end: Date, options: CallOptions = CallOptions())
    -> PagedSequence<Workout>
  {
    user.pages(options) { id in workouts.list(userID: id, from: start, to: end, options: options) }
  }

  /// Stores workouts, as ``Workouts/upsert(userID:_:allOrNone:options:)`` does.
  @_alwaysEmitIntoClient
  public func upsert(
    _ inputs: [WorkoutInput], allOrNone: Bool = false, options: CallOptions = CallOptions()
  ) async throws(APIError) -> UpsertWorkoutsResponse {
    let id = try await user.id(options: options)
    return try await workouts.upsert(
      userID: id, inputs, allOrNone: allOrNone, options: options)
  }

  /// Stores any number of workouts, as ``Workouts/upsertAll(userID:_:options:progress:)`` does.
  @_alwaysEmitIntoClient
  public func upsertAll(
    _ inputs: some Sequence<WorkoutInput>, options: UploadOptions = UploadOptions(),
    progress: (@Sendable (UploadProgress) -> Void)? = nil
  ) async -> UploadReport {
    let id: String
    do throws(APIError) { id = try await user.id(options: options.call) } catch {
      return UploadReport(done: options.resumeAt, error: error)
    }
    return await workouts.upsertAll(userID: id, inputs, options: options, progress: progress)
  }

  /// Deletes one workout.
  @_alwaysEmitIntoClient
  public func delete(_ workoutID: String, options: CallOptions = CallOptions())
    async throws(APIError)
  {
    let id = try await user.id(options: options)
    try await workouts.delete(userID: id, workoutID: workoutID, options: options)
  }

  /// Deletes workouts by provider and external id, as
  /// ``Workouts/deleteMany(userID:_:options:)`` does.
  @_alwaysEmitIntoClient
  @discardableResult
  public func deleteMany(
    _ references: [WorkoutReference], options: CallOptions = CallOptions()
  ) async throws(APIError) -> (deleted: Int, notFound: Int) {
    let id = try await user.id(options: options)
    return try await workouts.deleteMany(userID: id, references, options: options)
  }
}

extension UserClient: CustomStringConvertible, CustomReflectable {
  public var description: String { "UserClient(\(session.engine.base))" }
  public var customMirror: Mirror { Mirror(self, children: ["baseURL": session.engine.base]) }
}

import Foundation

/// The users whose data the installation holds.
public struct Users: Sendable {
  /// The calls of the schema, whose responses include the request id and the rate limit.
  public let rpc: UserServiceClient

  /// Creates a user.
  public func create(
    _ request: CreateUserRequest = CreateUserRequest(), options: CallOptions = CallOptions()
  ) async throws -> User {
    try await rpc.createUser(request, options: options).body.user.identified
  }

  /// Returns one user.
  public func get(_ id: String, options: CallOptions = CallOptions()) async throws -> User {
    try await rpc.getUser(GetUserRequest(id: id), options: options).body.user.identified
  }

  /// Changes a user.
  public func update(_ request: UpdateUserRequest, options: CallOptions = CallOptions())
    async throws -> User
  {
    try await rpc.updateUser(request, options: options).body.user.identified
  }

  /// Deletes a user with all data and tokens, and returns the deleted user.
  @discardableResult
  public func delete(_ id: String, options: CallOptions = CallOptions()) async throws -> User {
    try await rpc.deleteUser(DeleteUserRequest(id: id), options: options).body.user.identified
  }

  /// Returns the users, from the page of the request on. A page is fetched when it is
  /// needed.
  public func list(
    _ request: ListUsersRequest = ListUsersRequest(), options: CallOptions = CallOptions()
  ) -> PagedSequence<User> {
    rpc.listAllUsers(request, options: options)
  }
}

/// The users' workouts.
public struct Workouts: Sendable {
  /// The calls of the schema, whose responses include the request id and the rate limit.
  public let rpc: WorkoutServiceClient

  /// Returns the workouts of a user that began at `start` or later and before `end`, newest
  /// first. A page is fetched when it is needed.
  public func list(
    userID: String, from start: Date, to end: Date, options: CallOptions = CallOptions()
  ) -> PagedSequence<Workout> {
    for (field, date) in [("from", start), ("to", end)]
    where !date.timeIntervalSinceReferenceDate.isFinite {
      return PagedSequence { _ in throw APIError.invalid("\(field) is no date", field: field) }
    }
    return list(
      ListWorkoutsRequest(
        userID: userID, startDate: Protobuf.Timestamp(start, .down).text,
        endDate: Protobuf.Timestamp(end, .up).text), options: options)
  }

  /// Returns the workouts, newest first, from the page of the request on.
  public func list(_ request: ListWorkoutsRequest, options: CallOptions = CallOptions())
    -> PagedSequence<Workout>
  {
    rpc.listAllWorkouts(request, options: options)
  }

  /// Stores workouts. Those that are wrong are left out: look at `rejected` of the response,
  /// which names each by its index and says what is wrong with it. The call fails if all are
  /// wrong; with `allOrNone`, if one is, and nothing is stored then.
  public func upsert(
    userID: String, _ workouts: [WorkoutInput], allOrNone: Bool = false,
    options: CallOptions = CallOptions()
  ) async throws
    -> UpsertWorkoutsResponse
  {
    let request = UpsertWorkoutsRequest(userID: userID, workouts: workouts, allOrNone: allOrNone)
    let body = try await rpc.upsertWorkouts(request, options: options).body
    guard body.items.count + body.rejected.count == workouts.count else {
      throw APIError.incomplete()
    }
    return body
  }

  /// Deletes one workout.
  public func delete(userID: String, workoutID: String, options: CallOptions = CallOptions())
    async throws
  {
    _ = try await rpc.deleteWorkout(
      DeleteWorkoutRequest(userID: userID, workoutID: workoutID), options: options)
  }
}

/// Tokens of users. An application's secret is exchanged by `AppCredentials` of the product
/// `OpenWearablesServer`.
public struct Tokens: Sendable {
  /// The calls of the schema. Their messages hold minted secrets in plain text.
  public let rpc: TokenServiceClient

  /// Mints tokens for a user with the client's own credential.
  public func create(userID: String, options: CallOptions = CallOptions()) async throws
    -> SessionTokens
  {
    let body = try await rpc.createUserToken(
      CreateUserTokenRequest(userID: userID), options: options
    ).body
    return try SessionTokens(received: body.tokens.present)
  }

  /// Revokes all tokens of a user, however they were minted.
  public func revokeAll(userID: String, options: CallOptions = CallOptions()) async throws {
    _ = try await rpc.revokeUserTokens(RevokeUserTokensRequest(userID: userID), options: options)
  }
}

/// The signed-in developer's own account and logins.
public struct Sessions: Sendable {
  /// The calls of the schema. Their messages hold tokens and passwords in plain text.
  public let rpc: SessionServiceClient

  /// Returns the signed-in developer.
  public func me(options: CallOptions = CallOptions()) async throws -> Developer {
    try await rpc.getMe(GetMeRequest(), options: options).body.developer.identified
  }

  /// Changes the signed-in developer.
  public func updateMe(_ request: UpdateMeRequest, options: CallOptions = CallOptions())
    async throws -> Developer
  {
    try await rpc.updateMe(request, options: options).body.developer.identified
  }

  /// Sets a new password and ends every other session.
  public func changePassword(
    _ current: Secret, to replacement: Secret, options: CallOptions = CallOptions()
  ) async throws {
    _ = try await rpc.changePassword(
      ChangePasswordRequest(
        currentPassword: current.reveal(), newPassword: replacement.reveal(),
        confirmPassword: replacement.reveal()), options: options)
  }

  /// Returns the developer's active sessions, newest first.
  public func list(options: CallOptions = CallOptions()) async throws -> [Session] {
    try await rpc.listSessions(ListSessionsRequest(), options: options).body.sessions
  }

  /// Ends one session.
  public func revoke(_ id: String, options: CallOptions = CallOptions()) async throws {
    _ = try await rpc.revokeSession(RevokeSessionRequest(id: id), options: options)
  }

  /// Ends all other sessions of the developer.
  public func revokeOthers(options: CallOptions = CallOptions()) async throws {
    _ = try await rpc.revokeOtherSessions(RevokeOtherSessionsRequest(), options: options)
  }
}

/// The installation's API keys.
public struct Keys: Sendable {
  /// The calls of the schema. Their messages hold minted secrets in plain text.
  public let rpc: KeyServiceClient

  /// Creates a key. Its secret is not shown again.
  public func create(
    _ request: CreateKeyRequest = CreateKeyRequest(), options: CallOptions = CallOptions()
  ) async throws
    -> (key: Key, secret: Secret)
  {
    let body = try await rpc.createKey(request, options: options).body
    return (try body.key.identified, try secret(body.secret))
  }

  /// Gives the key a new secret. The old one stays valid for `overlap`, in whole seconds.
  public func rotate(_ id: String, overlap: TimeInterval = 0, options: CallOptions = CallOptions())
    async throws
    -> (key: Key, secret: Secret)
  {
    let request = RotateKeyRequest(id: id, overlapSeconds: try seconds(overlap))
    let body = try await rpc.rotateKey(request, options: options).body
    return (try body.key.identified, try secret(body.secret))
  }

  /// Returns one key.
  public func get(_ id: String, options: CallOptions = CallOptions()) async throws -> Key {
    try await rpc.getKey(GetKeyRequest(id: id), options: options).body.key.identified
  }

  /// Changes a key.
  public func update(_ request: UpdateKeyRequest, options: CallOptions = CallOptions()) async throws
    -> Key
  {
    try await rpc.updateKey(request, options: options).body.key.identified
  }

  /// Deletes a key with the tokens that it minted, and returns the deleted key.
  @discardableResult
  public func delete(_ id: String, options: CallOptions = CallOptions()) async throws -> Key {
    try await rpc.deleteKey(DeleteKeyRequest(id: id), options: options).body.key.identified
  }

  /// Returns all keys, newest first. A page is fetched when it is needed.
  public func list(options: CallOptions = CallOptions()) -> PagedSequence<Key> {
    rpc.listAllKeys(options: options)
  }
}

/// The installation's applications.
public struct Applications: Sendable {
  /// The calls of the schema. Their messages hold minted secrets in plain text.
  public let rpc: ApplicationServiceClient

  /// Creates an application. Its secret is not shown again.
  public func create(name: String, options: CallOptions = CallOptions()) async throws -> (
    application: Application, secret: Secret
  ) {
    let body = try await rpc.createApplication(
      CreateApplicationRequest(name: name), options: options
    ).body
    return (try body.application.identified, try secret(body.appSecret))
  }

  /// Gives the application a new secret. The old one stays valid for `overlap`, in whole
  /// seconds.
  public func rotateSecret(
    _ appID: String, overlap: TimeInterval = 0, options: CallOptions = CallOptions()
  ) async throws
    -> (application: Application, secret: Secret)
  {
    let request = RotateApplicationSecretRequest(
      appID: appID, overlapSeconds: try seconds(overlap))
    let body = try await rpc.rotateApplicationSecret(request, options: options).body
    return (try body.application.identified, try secret(body.appSecret))
  }

  /// Returns one application.
  public func get(_ appID: String, options: CallOptions = CallOptions()) async throws -> Application
  {
    try await rpc.getApplication(GetApplicationRequest(appID: appID), options: options).body
      .application.identified
  }

  /// Renames an application.
  public func rename(_ appID: String, to name: String, options: CallOptions = CallOptions())
    async throws -> Application
  {
    try await rpc.updateApplication(
      UpdateApplicationRequest(appID: appID, name: name), options: options
    ).body
      .application.identified
  }

  /// Deletes an application with the tokens that it minted.
  public func delete(_ appID: String, options: CallOptions = CallOptions()) async throws {
    _ = try await rpc.deleteApplication(DeleteApplicationRequest(appID: appID), options: options)
  }

  /// Returns all applications, newest first. A page is fetched when it is needed.
  public func list(options: CallOptions = CallOptions()) -> PagedSequence<Application> {
    rpc.listAllApplications(options: options)
  }
}

extension Optional {
  /// The value, which the server always sends.
  var present: Wrapped {
    get throws {
      guard let self else { throw APIError.incomplete() }
      return self
    }
  }
}

/// An object with the id by which requests refer to it.
private protocol Identified {
  var identity: String { get }
}

extension User: Identified { fileprivate var identity: String { id } }
extension Developer: Identified { fileprivate var identity: String { id } }
extension Key: Identified { fileprivate var identity: String { id } }
extension Application: Identified { fileprivate var identity: String { appID } }

extension Optional where Wrapped: Identified {
  /// The object, which the server always sends with its id.
  fileprivate var identified: Wrapped {
    get throws {
      let object = try present
      guard !object.identity.isEmpty else { throw APIError.incomplete() }
      return object
    }
  }
}

/// Returns the secret of a response, which is never empty.
private func secret(_ value: String) throws -> Secret {
  guard !value.isEmpty else { throw APIError.incomplete() }
  return Secret(value)
}

private func seconds(_ overlap: TimeInterval) throws -> Int32 {
  guard let seconds = Int32(exactly: overlap.rounded(.down)), seconds >= 0 else {
    throw APIError.invalid(
      "the overlap must be a number of seconds from 0 to \(Int32.max)", field: "overlap")
  }
  return seconds
}

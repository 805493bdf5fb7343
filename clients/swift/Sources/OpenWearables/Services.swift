import Foundation

/// The users whose data the installation holds.
public struct Users: Sendable {
  /// The calls of the schema, whose responses include the request id and the rate limit.
  public let rpc: UserServiceClient

  /// Creates a user.
  @_alwaysEmitIntoClient
  public func create(
    _ request: CreateUserRequest = CreateUserRequest(), options: CallOptions = CallOptions()
  ) async throws(APIError) -> User {
    try await rpc.createUser.object(\.user, request, options)
  }

  /// Returns one user.
  @_alwaysEmitIntoClient
  public func get(_ id: String, options: CallOptions = CallOptions()) async throws(APIError) -> User
  {
    try await rpc.getUser.object(\.user, GetUserRequest(id: id), options)
  }

  /// Changes a user.
  @_alwaysEmitIntoClient
  public func update(_ request: UpdateUserRequest, options: CallOptions = CallOptions())
    async throws(APIError) -> User
  {
    try await rpc.updateUser.object(\.user, request, options)
  }

  /// Deletes a user with all data and tokens, and returns the deleted user.
  @_alwaysEmitIntoClient
  @discardableResult
  public func delete(_ id: String, options: CallOptions = CallOptions()) async throws(APIError)
    -> User
  {
    try await rpc.deleteUser.object(\.user, DeleteUserRequest(id: id), options)
  }

  /// Returns the users, from the page of the request on. A page is fetched when it is
  /// needed.
  @_alwaysEmitIntoClient
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
  @_alwaysEmitIntoClient
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
  @_alwaysEmitIntoClient
  public func list(_ request: ListWorkoutsRequest, options: CallOptions = CallOptions())
    -> PagedSequence<Workout>
  {
    rpc.listAllWorkouts(request, options: options)
  }

  /// Stores workouts. Those that are wrong are left out: look at `rejected` of the response,
  /// which names each by its index and says what is wrong with it. The call fails if all are
  /// wrong; with `allOrNone`, if one is, and nothing is stored then.
  @_alwaysEmitIntoClient
  public func upsert(
    userID: String, _ workouts: [WorkoutInput], allOrNone: Bool = false,
    options: CallOptions = CallOptions()
  ) async throws(APIError)
    -> UpsertWorkoutsResponse
  {
    let request = UpsertWorkoutsRequest(userID: userID, workouts: workouts, allOrNone: allOrNone)
    let body = try await rpc.upsertWorkouts(request, options: options).body
    guard body.items.count + body.rejected.count == workouts.count else {
      throw .incomplete()
    }
    return body
  }

  /// Deletes one workout.
  @_alwaysEmitIntoClient
  public func delete(userID: String, workoutID: String, options: CallOptions = CallOptions())
    async throws(APIError)
  {
    try await rpc.deleteWorkout.done(
      DeleteWorkoutRequest(userID: userID, workoutID: workoutID), options)
  }

  /// Deletes at most 1000 workouts by provider and external id, which is what a phone knows of
  /// them. One that is not stored is counted and no error, so the call can be repeated.
  @_alwaysEmitIntoClient
  @discardableResult
  public func deleteMany(
    userID: String, _ workouts: [WorkoutReference], options: CallOptions = CallOptions()
  ) async throws(APIError) -> (deleted: Int, notFound: Int) {
    let request = DeleteWorkoutsRequest(userID: userID, workouts: workouts)
    let body = try await rpc.deleteWorkouts(request, options: options).body
    return (body.deleted, body.notFound)
  }
}

/// Tokens of users. An application's secret is exchanged by `AppCredentials` of the product
/// `OpenWearablesServer`.
public struct Tokens: Sendable {
  /// The calls of the schema. Their messages hold minted secrets in plain text.
  public let rpc: TokenServiceClient

  /// Mints tokens for a user with the client's own credential.
  @_alwaysEmitIntoClient
  public func create(userID: String, options: CallOptions = CallOptions()) async throws(APIError)
    -> SessionTokens
  {
    let body = try await rpc.createUserToken(
      CreateUserTokenRequest(userID: userID, appID: "", appSecret: ""), options: options
    ).body
    return try SessionTokens(received: body.tokens)
  }

  /// Makes a code of 8 letters and digits for a user, with which an app signs the user in by
  /// ``UserSession/pair(baseURL:code:store:refresh:allowInsecurePrivateNetwork:network:)``: once,
  /// within 7 days. It ends the code that the user had.
  @_alwaysEmitIntoClient
  public func createPairingCode(userID: String, options: CallOptions = CallOptions())
    async throws(APIError) -> (code: Secret, expiresAt: Date)
  {
    let made = try await rpc.createPairingCode.object(
      \.pairingCode, CreatePairingCodeRequest(userID: userID), options)
    return (Secret(made.code), made.expiresAt)
  }

  /// Revokes all tokens of a user, however they were minted.
  @_alwaysEmitIntoClient
  public func revokeAll(userID: String, options: CallOptions = CallOptions()) async throws(APIError)
  {
    try await rpc.revokeUserTokens.done(RevokeUserTokensRequest(userID: userID), options)
  }

  /// Returns the sessions of a user that have not ended, newest first: where the user is signed
  /// in.
  @_alwaysEmitIntoClient
  public func sessions(userID: String, options: CallOptions = CallOptions())
    -> PagedSequence<TokenSession>
  {
    rpc.listAllUserSessions(ListUserSessionsRequest(userID: userID), options: options)
  }

  /// Ends one of them.
  @_alwaysEmitIntoClient
  public func revokeSession(
    userID: String, sessionID: String, options: CallOptions = CallOptions()
  ) async throws(APIError) {
    try await rpc.revokeUserSession.done(
      RevokeUserSessionRequest(userID: userID, sessionID: sessionID), options)
  }
}

/// The signed-in developer's own account and logins.
public struct Sessions: Sendable {
  /// The calls of the schema. Their messages hold tokens and passwords in plain text.
  public let rpc: SessionServiceClient

  /// Returns the signed-in developer.
  @_alwaysEmitIntoClient
  public func me(options: CallOptions = CallOptions()) async throws(APIError) -> Developer {
    try await rpc.getMe.object(\.developer, GetMeRequest(), options)
  }

  /// Changes the signed-in developer.
  @_alwaysEmitIntoClient
  public func updateMe(_ request: UpdateMeRequest, options: CallOptions = CallOptions())
    async throws(APIError) -> Developer
  {
    try await rpc.updateMe.object(\.developer, request, options)
  }

  /// Sets a new password and ends every other session.
  @_alwaysEmitIntoClient
  public func changePassword(
    _ current: Secret, to replacement: Secret, options: CallOptions = CallOptions()
  ) async throws(APIError) {
    try await rpc.changePassword.done(
      ChangePasswordRequest(
        currentPassword: current.reveal(), newPassword: replacement.reveal(),
        confirmPassword: replacement.reveal()), options)
  }

  /// Returns the developer's active sessions, newest first.
  @_alwaysEmitIntoClient
  public func list(options: CallOptions = CallOptions()) async throws(APIError) -> [Session] {
    try await rpc.listSessions(ListSessionsRequest(), options: options).body.sessions
  }

  /// Ends one session.
  @_alwaysEmitIntoClient
  public func revoke(_ id: String, options: CallOptions = CallOptions()) async throws(APIError) {
    try await rpc.revokeSession.done(RevokeSessionRequest(id: id), options)
  }

  /// Ends all other sessions of the developer.
  @_alwaysEmitIntoClient
  public func revokeOthers(options: CallOptions = CallOptions()) async throws(APIError) {
    try await rpc.revokeOtherSessions.done(RevokeOtherSessionsRequest(), options)
  }
}

/// The installation's API keys.
public struct Keys: Sendable {
  /// The calls of the schema. Their messages hold minted secrets in plain text.
  public let rpc: KeyServiceClient

  /// Creates a key. Its secret is not shown again. With `allowedNetworks` it is refused
  /// elsewhere, with the reason `network_not_allowed`.
  @_alwaysEmitIntoClient
  public func create(
    _ request: CreateKeyRequest = CreateKeyRequest(), options: CallOptions = CallOptions()
  ) async throws(APIError)
    -> (key: Key, secret: Secret)
  {
    return try await rpc.createKey.minted(\.key, \.secret, request, options)
  }

  /// Gives the key a new secret. The old one stays valid for `overlap`, in whole seconds.
  @_alwaysEmitIntoClient
  public func rotate(_ id: String, overlap: TimeInterval = 0, options: CallOptions = CallOptions())
    async throws(APIError)
    -> (key: Key, secret: Secret)
  {
    let request = RotateKeyRequest(id: id, overlapSeconds: try seconds(overlap))
    return try await rpc.rotateKey.minted(\.key, \.secret, request, options)
  }

  /// Returns one key.
  @_alwaysEmitIntoClient
  public func get(_ id: String, options: CallOptions = CallOptions()) async throws(APIError) -> Key
  {
    try await rpc.getKey.object(\.key, GetKeyRequest(id: id), options)
  }

  /// Ends the secret before the newest one, which else works until its overlap is over.
  /// ``Key/overlap`` tells whether anything still uses it.
  @_alwaysEmitIntoClient
  @discardableResult
  public func finishRotation(_ id: String, options: CallOptions = CallOptions())
    async throws(APIError) -> Key
  {
    try await rpc.finishKeyRotation.object(\.key, FinishKeyRotationRequest(id: id), options)
  }

  /// Changes a key. To allow it everywhere again, name `allowed_networks` in the mask and set
  /// none: `UpdateKeyRequest(id: id, updateMask: ["allowed_networks"])`.
  @_alwaysEmitIntoClient
  public func update(_ request: UpdateKeyRequest, options: CallOptions = CallOptions())
    async throws(APIError)
    -> Key
  {
    try await rpc.updateKey.object(\.key, request, options)
  }

  /// Deletes a key with the tokens that it minted, and returns the deleted key.
  @_alwaysEmitIntoClient
  @discardableResult
  public func delete(_ id: String, options: CallOptions = CallOptions()) async throws(APIError)
    -> Key
  {
    try await rpc.deleteKey.object(\.key, DeleteKeyRequest(id: id), options)
  }

  /// Returns the keys that match, newest first: all of them by default. A page is fetched when
  /// it is needed.
  @_alwaysEmitIntoClient
  public func list(
    _ request: ListKeysRequest = ListKeysRequest(), options: CallOptions = CallOptions()
  ) -> PagedSequence<Key> {
    rpc.listAllKeys(request, options: options)
  }
}

/// The installation's applications.
public struct Applications: Sendable {
  /// The calls of the schema. Their messages hold minted secrets in plain text.
  public let rpc: ApplicationServiceClient

  /// Creates an application. Its secret is not shown again.
  @_alwaysEmitIntoClient
  public func create(name: String, options: CallOptions = CallOptions()) async throws(APIError) -> (
    application: Application, secret: Secret
  ) {
    return try await rpc.createApplication.minted(
      \.application, \.appSecret, CreateApplicationRequest(name: name), options)
  }

  /// Gives the application a new secret. The old one stays valid for `overlap`, in whole
  /// seconds.
  @_alwaysEmitIntoClient
  public func rotateSecret(
    _ appID: String, overlap: TimeInterval = 0, options: CallOptions = CallOptions()
  ) async throws(APIError)
    -> (application: Application, secret: Secret)
  {
    let request = RotateApplicationSecretRequest(
      appID: appID, overlapSeconds: try seconds(overlap))
    return try await rpc.rotateApplicationSecret.minted(
      \.application, \.appSecret, request, options)
  }

  /// Ends the secret before the newest one, which else works until its overlap is over.
  /// ``Application/overlap`` tells whether anything still uses it.
  @_alwaysEmitIntoClient
  @discardableResult
  public func finishRotation(_ appID: String, options: CallOptions = CallOptions())
    async throws(APIError) -> Application
  {
    try await rpc.finishApplicationRotation.object(
      \.application, FinishApplicationRotationRequest(appID: appID), options)
  }

  /// Returns one application.
  @_alwaysEmitIntoClient
  public func get(_ appID: String, options: CallOptions = CallOptions()) async throws(APIError)
    -> Application
  {
    try await rpc.getApplication.object(\.application, GetApplicationRequest(appID: appID), options)
  }

  /// Renames an application.
  @_alwaysEmitIntoClient
  public func rename(_ appID: String, to name: String, options: CallOptions = CallOptions())
    async throws(APIError) -> Application
  {
    try await rpc.updateApplication.object(
      \.application, UpdateApplicationRequest(appID: appID, name: name), options)
  }

  /// Deletes an application with the tokens that it minted.
  @_alwaysEmitIntoClient
  public func delete(_ appID: String, options: CallOptions = CallOptions()) async throws(APIError) {
    try await rpc.deleteApplication.done(DeleteApplicationRequest(appID: appID), options)
  }

  /// Returns all applications, newest first. A page is fetched when it is needed.
  @_alwaysEmitIntoClient
  public func list(options: CallOptions = CallOptions()) -> PagedSequence<Application> {
    rpc.listAllApplications(options: options)
  }
}

import Foundation
import OpenWearables

// The calls that a fake server answers.

extension State {
  /// Answers a call about users; nil if the method is another one.
  mutating func users(_ method: String, _ body: Data, _ caller: String?) throws(Refusal) -> Data? {
    if method != "GetUser", method.hasSuffix("User") || method.hasSuffix("Users"), caller != nil {
      throw Refusal(
        403, .permissionDenied, "credential_not_allowed", "a user's token may not call it")
    }
    switch method {
    case "CreateUser":
      return try run(body) { (s, r: CreateUserRequest) throws(Refusal) in
        let user = User(
          id: UUID().uuidString.lowercased(), createdAt: now(), firstName: r.firstName,
          lastName: r.lastName, email: r.email, externalUserID: r.externalUserID)
        s.users.append(user)
        return CreateUserResponse(user: user)
      }
    case "GetUser":
      return try run(body) { (s, r: GetUserRequest) throws(Refusal) in
        GetUserResponse(user: s.users[try s.index(r.id, caller)])
      }
    case "UpdateUser":
      return try run(body) { (s, r: UpdateUserRequest) throws(Refusal) in
        let i = try s.index(r.id, caller)
        s.users[i].firstName = r.firstName ?? s.users[i].firstName
        s.users[i].lastName = r.lastName ?? s.users[i].lastName
        s.users[i].email = r.email ?? s.users[i].email
        s.users[i].externalUserID = r.externalUserID ?? s.users[i].externalUserID
        return UpdateUserResponse(user: s.users[i])
      }
    case "DeleteUser":
      return try run(body) { (s, r: DeleteUserRequest) throws(Refusal) in
        let user = s.users.remove(at: try s.index(r.id, caller))
        s.workouts[user.id] = nil
        s.access = s.access.filter { $0.value != user.id }
        s.refresh = s.refresh.filter { $0.value != user.id }
        return DeleteUserResponse(user: user)
      }
    case "ListUsers":
      return try run(body) { (s, r: ListUsersRequest) throws(Refusal) in
        let (items, next) = page(s.users.reversed(), r.cursor, r.limit ?? 20)
        return ListUsersResponse(items: items, total: s.users.count, nextCursor: next)
      }
    case "CreateUserToken":
      return try run(body) { (s, r: CreateUserTokenRequest) throws(Refusal) in
        CreateUserTokenResponse(tokens: s.mint(s.users[try s.index(r.userID, caller)].id))
      }
    default: return nil
    }
  }

  /// Answers a call about workouts; nil if the method is another one.
  mutating func workouts(_ method: String, _ body: Data, _ caller: String?) throws(Refusal)
    -> Data?
  {
    switch method {
    case "UpsertWorkouts":
      return try run(body) { (s, r: UpsertWorkoutsRequest) throws(Refusal) in
        _ = try s.index(r.userID, caller)
        guard (1...1000).contains(r.workouts.count) else {
          throw Refusal(400, .invalidArgument, "invalid_request", "workouts: 1 to 1000")
        }
        return try s.upsert(r)
      }
    case "ListWorkouts":
      return try run(body) { (s, r: ListWorkoutsRequest) throws(Refusal) in
        _ = try s.index(r.userID, caller)
        let (start, end) = (date(r.startDate), date(r.endDate))
        let all = (s.workouts[r.userID] ?? []).filter {
          (start ?? .distantPast) <= $0.startTime && $0.startTime < (end ?? .distantFuture)
        }
        let (items, next) = page(
          all.sorted { $0.startTime > $1.startTime }, r.cursor, r.limit ?? 50)
        return ListWorkoutsResponse(
          data: items, pagination: Pagination(nextCursor: next, hasMore: next != nil),
          metadata: WorkoutsMetadata(
            startTime: start ?? .distantPast, endTime: end ?? .distantFuture,
            sampleCount: items.count))
      }
    case "DeleteWorkout":
      return try run(body) { (s, r: DeleteWorkoutRequest) throws(Refusal) in
        _ = try s.index(r.userID, caller)
        guard let i = s.workouts[r.userID]?.firstIndex(where: { $0.id == r.workoutID }) else {
          throw Refusal(404, .notFound, "not_found", "no workout has the id")
        }
        s.workouts[r.userID]?.remove(at: i)
        return DeleteWorkoutResponse()
      }
    case "DeleteWorkouts":
      return try run(body) { (s, r: DeleteWorkoutsRequest) throws(Refusal) in
        _ = try s.index(r.userID, caller)
        guard (1...1000).contains(r.workouts.count) else {
          throw Refusal(
            400, .invalidArgument, "invalid_request", "workouts: must have 1 to 1000 workouts")
        }
        let named = Set(r.workouts)
        let before = s.workouts[r.userID] ?? []
        let left = before.filter {
          let name = WorkoutReference(provider: $0.source.provider, externalID: $0.externalID)
          return !named.contains(name)
        }
        s.workouts[r.userID] = left
        let deleted = before.count - left.count
        return DeleteWorkoutsResponse(deleted: deleted, notFound: named.count - deleted)
      }
    default: return nil
    }
  }

  /// Returns the place of a user that the caller may see.
  private func index(_ id: String, _ caller: String?) throws(Refusal) -> Int {
    if let caller, caller != id {
      throw Refusal(403, .permissionDenied, "other_user", "the token is of another user")
    }
    guard let i = users.firstIndex(where: { $0.id == id }) else {
      throw Refusal(404, .notFound, "not_found", "no user has the id")
    }
    return i
  }

  private mutating func upsert(_ request: UpsertWorkoutsRequest) throws(Refusal)
    -> UpsertWorkoutsResponse
  {
    var response = UpsertWorkoutsResponse()
    for (i, input) in request.workouts.enumerated() {
      if let (field, message) = fault(in: input) {
        response.rejected.append(
          RejectedWorkout(index: i, field: "workouts[\(i)].\(field)", message: message))
      }
    }
    if let first = response.rejected.first,
      request.allOrNone || response.rejected.count == request.workouts.count
    {
      throw Refusal(400, .invalidArgument, "invalid_request", "\(first.field): \(first.message)")
    }
    let wrong = Set(response.rejected.map(\.index))
    for (i, input) in request.workouts.enumerated() where !wrong.contains(i) {
      var kept = workouts[request.userID] ?? []
      let old = kept.firstIndex {
        $0.externalID == input.externalID && $0.source.provider == input.source.provider
      }
      let workout = Workout(input, id: old.map { kept[$0].id } ?? UUID().uuidString.lowercased())
      if let old { kept[old] = workout } else { kept.append(workout) }
      workouts[request.userID] = kept
      if old == nil { response.created += 1 } else { response.updated += 1 }
      response.items.append(
        UpsertedWorkout(
          id: workout.id, externalID: input.externalID, status: old == nil ? .created : .updated))
    }
    return response
  }
}

/// Returns what a server refuses first.
private func fault(in input: WorkoutInput) -> (field: String, message: String)? {
  if input.externalID.isEmpty { return ("external_id", "is required") }
  if input.type.isEmpty { return ("type", "is required") }
  if input.source.provider.isEmpty { return ("source.provider", "is required") }
  if input.endTime < input.startTime { return ("end_time", "must not be before start_time") }
  return nil
}

/// Returns a page; its cursor is the place of its first item.
private func page<Item>(_ all: [Item], _ cursor: String?, _ limit: Int) -> ([Item], String?) {
  let first = min(max(Int(cursor ?? "") ?? 0, 0), all.count)
  let last = min(first + max(limit, 1), all.count)
  return (Array(all[first..<last]), last < all.count ? String(last) : nil)
}

/// Reads a time in RFC 3339.
private func date(_ text: String) -> Date? {
  let json = Data("{\"at\":\"\(text)\",\"id\":\"\"}".utf8)
  return (try? AuditEvent(jsonUTF8: json))?.at
}

extension Workout {
  fileprivate init(_ input: WorkoutInput, id: String) {
    self.init(
      id: id, externalID: input.externalID, type: input.type, name: input.name,
      startTime: input.startTime, endTime: input.endTime, zoneOffset: input.zoneOffset,
      durationSeconds: input.durationSeconds
        ?? Int(input.endTime.timeIntervalSince(input.startTime)),
      source: input.source, caloriesKcal: input.caloriesKcal,
      distanceMeters: input.distanceMeters, avgHeartRateBpm: input.avgHeartRateBpm,
      maxHeartRateBpm: input.maxHeartRateBpm, avgPaceSecPerKm: input.avgPaceSecPerKm,
      elevationGainMeters: input.elevationGainMeters)
  }
}

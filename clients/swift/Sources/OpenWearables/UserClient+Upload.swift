import Foundation

#if canImport(FoundationNetworking)
  import FoundationNetworking
#endif

// A call that stores workouts, for a system that sends it from a file.
extension UserClient {
  /// Returns the request without its body, and the body. With `renewing`, the token that the
  /// session has was refused.
  ///
  /// - Throws: an error of the kind `unauthenticated` if the session is no longer that of `user`.
  package func upload(_ inputs: [WorkoutInput], of user: String, renewing: Bool)
    async throws(APIError) -> (request: URLRequest, body: Data)
  {
    let deadline = Deadline(in: Wait.call)
    var live = try await session.token(refused: nil, by: deadline)
    if renewing { live = try await session.token(refused: live.record.access, by: deadline) }
    guard subject(of: live.record.access) == user else { throw .signedOut() }
    let body: Data
    do throws(MessageError) {
      body = try UpsertWorkoutsRequest(userID: user, workouts: inputs).jsonUTF8()
    } catch { throw .invalid("the workouts cannot be written: \(error)", field: error.field) }
    var call = UnaryRequest(
      procedure: WorkoutServiceClient.Method.upsertWorkouts.procedure, body: Data())
    call.headers["authorization"] = "Bearer \(live.record.access)"
    var request = try session.engine.rpc.connect.request(for: call, by: .never)
    request.httpBody = nil
    return (request, body)
  }

  /// Returns what an answer says of each workout. A refusal that names every workout as wrong
  /// is an answer too.
  package func items(
    of inputs: [WorkoutInput], _ status: Int?, _ headers: [String: String], _ body: Data
  ) throws(APIError) -> [UploadReport.Item] {
    guard let status else { throw .offline(URLError(.networkConnectionLost)) }
    let response = HTTPResponse(status: status, headers: headers, body: body)
    let base = try session.engine.rpc.connect.base.get()
    guard status == 200 else {
      let error = APIError(response, from: base)
      guard let items = refused(inputs, error) else { throw error }
      return items
    }
    let media = mediaType(headers)
    guard media == "application/json" else { throw .notJSON(response, media, from: base) }
    let answer: UpsertWorkoutsResponse
    do throws(MessageError) { answer = try UpsertWorkoutsResponse(jsonUTF8: body) } catch {
      throw .unreadable("\(error)")
    }
    guard answer.items.count + answer.rejected.count == inputs.count else { throw .incomplete() }
    return OpenWearables.items(answer, inputs)
  }
}

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
  @_alwaysEmitIntoClient
  package func upload(_ inputs: [WorkoutInput], of user: String, renewing: Bool)
    async throws(APIError) -> (request: URLRequest, body: Data)
  {
    let deadline = Deadline(in: Wait.call)
    var token = try await session.bearer(refused: nil, by: deadline)
    if renewing { token = try await session.bearer(refused: token, by: deadline) }
    guard subject(of: token) == user else { throw .signedOut() }
    let body: Data
    do throws(MessageError) {
      body = try UpsertWorkoutsRequest(userID: user, workouts: inputs).jsonUTF8()
    } catch { throw .invalid("the workouts cannot be written: \(error)", field: error.field) }
    return (try session.request(for: WorkoutServiceClient.Method.upsertWorkouts, token), body)
  }

  /// Returns what an answer says of each workout. A refusal that names every workout as wrong
  /// is an answer too.
  @_alwaysEmitIntoClient
  package func items(
    of inputs: [WorkoutInput], _ status: Int?, _ headers: [String: String], _ body: Data
  ) throws(APIError) -> [UploadReport.Item] {
    guard let status else { throw .offline(URLError(.networkConnectionLost)) }
    do throws(APIError) {
      try session.check(HTTPResponse(status: status, headers: headers, body: body))
    } catch {
      guard status != 200, let items = refused(inputs, error) else { throw error }
      return items
    }
    let answer: UpsertWorkoutsResponse
    do throws(MessageError) { answer = try UpsertWorkoutsResponse(jsonUTF8: body) } catch {
      throw .unreadable("\(error)")
    }
    guard answer.items.count + answer.rejected.count == inputs.count else { throw .incomplete() }
    return OpenWearables.items(answer, inputs)
  }
}

extension UserSession {
  /// Returns the request of a call, without its body.
  @usableFromInline func request(for method: MethodDescriptor, _ token: String)
    throws(APIError) -> URLRequest
  {
    var call = UnaryRequest(procedure: method.procedure, body: Data())
    call.headers["authorization"] = "Bearer \(token)"
    var request = try engine.rpc.connect.request(for: call, by: .never)
    request.httpBody = nil
    return request
  }

  /// Throws the error of a response, if it is one.
  @usableFromInline func check(_ response: HTTPResponse) throws(APIError) {
    try engine.rpc.connect.check(response)
  }
}

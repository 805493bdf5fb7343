import Foundation
@_spi(Conformance) import OpenWearables

// The client under test. It reads a request of the suite from each line and writes a
// response to a line. Nothing is retried and no credential is sent, since the suite counts
// requests.

/// A line of output. The details of an error are passed on undecoded.
struct Answer: Encodable {
  struct Detail: Encodable {
    let type: String
    let value: Data
  }

  var response: ClientCompatResponse
  var details: [Detail] = []
}

func makeClient(_ request: ClientCompatRequest) throws -> ConformanceServiceClient {
  guard let url = URL(string: "http://\(request.host):\(request.port)") else {
    throw URLError(.badURL)
  }
  var options = OpenWearablesClient.Options(timeout: .infinity, retries: 0)
  options.readsInURL = request.useGetHTTPMethod
  return ConformanceServiceClient(
    transport: try OpenWearablesClient(baseURL: url, options: options).transport)
}

/// Makes the one call of a request.
func call(_ request: ClientCompatRequest) async throws -> Response<UnaryResponse> {
  let client = try makeClient(request)
  guard let message = request.requestMessages.first else { throw URLError(.cannotParseResponse) }
  var options = CallOptions(timeout: request.timeoutMs.map { TimeInterval($0) / 1000 })
  for header in request.requestHeaders {
    options.headers[header.name] = header.value.joined(separator: ", ")
  }
  try await Task.sleep(nanoseconds: UInt64(request.requestDelayMs) * 1_000_000)
  switch request.method {
  case "IdempotentUnary":
    let answer = try await client.idempotentUnary(message.unpack(), options: options)
    return Response(body: UnaryResponse(payload: answer.payload), headers: answer.headers)
  case "Unimplemented":
    let answer = try await client.unimplemented(message.unpack(), options: options)
    return Response(body: UnaryResponse(), headers: answer.headers)
  default:
    return try await client.unary(message.unpack(), options: options)
  }
}

/// Separates headers from trailers, which Connect sends together, and splits their values.
func split(_ headers: [String: String]) -> (headers: [Header], trailers: [Header]) {
  var result: (headers: [Header], trailers: [Header]) = ([], [])
  for (name, value) in headers {
    let values = value.components(separatedBy: ", ")
    if name.hasPrefix("trailer-") {
      result.trailers.append(Header(name: String(name.dropFirst(8)), value: values))
    } else {
      result.headers.append(Header(name: name, value: values))
    }
  }
  return result
}

func result(_ request: ClientCompatRequest) async -> Answer {
  var answer = Answer(response: ClientCompatResponse(testName: request.testName))
  do {
    let task = Task { try await call(request) }
    if case .afterCloseSendMs(let delay)? = request.cancel?.cancelTiming {
      Task {
        try await Task.sleep(nanoseconds: UInt64(delay) * 1_000_000)
        task.cancel()
      }
    }
    let response = try await task.value
    let (headers, trailers) = split(response.headers)
    answer.response.result = .response(
      ClientResponseResult(
        responseHeaders: headers, payloads: [response.payload ?? ConformancePayload()],
        responseTrailers: trailers))
  } catch let error as APIError {
    let (headers, trailers) = split(error.headers)
    let name = "CODE_" + error.code.rawValue.uppercased()
    let code = Code.schemaNames.first { $0.key == name }?.value ?? 0
    answer.details = error.details.map { .init(type: $0.type, value: $0.value) }
    answer.response.result = .response(
      ClientResponseResult(
        responseHeaders: headers,
        error: ErrorMessage(code: Code(rawValue: code), message: error.rawMessage ?? error.message),
        responseTrailers: trailers))
  } catch is CancellationError {
    let code = Code.schemaNames.first { $0.key == "CODE_CANCELED" }?.value ?? 0
    answer.response.result = .response(
      ClientResponseResult(
        error: ErrorMessage(code: Code(rawValue: code), message: "the task was cancelled")))
  } catch {
    answer.response.result = .error(ClientErrorResult(message: "\(error)"))
  }
  return answer
}

/// Writes the output one line at a time.
actor Output {
  func write(_ answer: Answer) throws {
    let line = try JSONEncoder().encode(answer)
    try FileHandle.standardOutput.write(contentsOf: line + Data("\n".utf8))
  }
}

let output = Output()
try await withThrowingTaskGroup(of: Void.self) { group in
  while let line = readLine() {
    let request = try ClientCompatRequest(jsonUTF8: Data(line.utf8))
    group.addTask { try await output.write(await result(request)) }
  }
  try await group.waitForAll()
}

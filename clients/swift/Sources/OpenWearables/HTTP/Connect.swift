import Foundation

#if canImport(FoundationNetworking)
  import FoundationNetworking
#endif

/// One unary call of the Connect protocol, in JSON.
struct UnaryRequest: Sendable {
  /// Such as `openwearables.v1.UserService/GetUser`.
  let procedure: String
  let body: Data
  var headers: [String: String] = [:]
  /// Sends the message in the URL, by GET. URLs get logged.
  var inURL = false
}

struct UnaryResponse: Sendable {
  let body: Data
  let headers: [String: String]
}

/// Sends unary calls to one base URL, each of them once and with no credential except those
/// in its headers.
final class Connect: Sendable {
  /// Bytes that the response of a call that mints, renews or revokes a credential may have.
  static let maxTokenResponse = 1 << 20

  let base: Result<BaseURL, APIError>
  let transport: any HTTPTransport
  private let userAgent: String

  init(base: Result<BaseURL, APIError>, transport: any HTTPTransport, userAgent: String) {
    self.base = base
    self.transport = transport
    self.userAgent = userAgent
  }

  /// Sends a call and waits for its response, which may have `limit` bytes, until the
  /// deadline, which the server receives too.
  func send(_ call: UnaryRequest, limit: Int, by deadline: Deadline) async throws(APIError)
    -> UnaryResponse
  {
    let request = try request(for: call, by: deadline)
    let response = try await transport.send(request, limit: limit, by: deadline)
    try check(response)
    Revocations.retry(over: self)
    return UnaryResponse(body: response.body, headers: response.headers)
  }

  /// Throws the error of a response, if it is one.
  func check(_ response: HTTPResponse) throws(APIError) {
    let media = mediaType(response.headers)
    let base = try base.get()
    guard response.status == 200 else { throw APIError(response, from: base) }
    guard media == "application/json" else { throw .notJSON(response, media, from: base) }
  }

  func request(for call: UnaryRequest, by deadline: Deadline) throws(APIError)
    -> URLRequest
  {
    let base = try base.get()
    var address = "\(base.string)/\(call.procedure)"
    if call.inURL {
      address += "?connect=v1&base64=1&encoding=json&message=\(urlSafeBase64(call.body))"
    }
    guard let url = URL(string: address) else {
      throw .invalid("the base URL cannot be used", field: "baseURL")
    }
    var request = URLRequest(url: url)
    request.httpMethod = call.inURL ? "GET" : "POST"
    request.httpShouldHandleCookies = false
    if !call.inURL {
      request.httpBody = call.body
      request.setValue("application/json", forHTTPHeaderField: "Content-Type")
      request.setValue("1", forHTTPHeaderField: "Connect-Protocol-Version")
    }
    let left = deadline.left
    if left.isFinite {
      let milliseconds = Int64(min(max(left * 1000, 1), 9_999_999_999))
      request.setValue("\(milliseconds)", forHTTPHeaderField: "Connect-Timeout-Ms")
    }
    request.setValue(userAgent, forHTTPHeaderField: "User-Agent")
    for (name, value) in call.headers { request.setValue(value, forHTTPHeaderField: name) }
    return request
  }
}

private func urlSafeBase64(_ data: Data) -> String {
  data.base64EncodedString().replacingOccurrences(of: "+", with: "-")
    .replacingOccurrences(of: "/", with: "_").replacingOccurrences(of: "=", with: "")
}

/// The type and subtype of Content-Type, in lower case.
func mediaType(_ headers: [String: String]) -> String {
  let value = headers["content-type"] ?? ""
  return value.prefix { $0 != ";" }.trimmingCharacters(in: .whitespaces).lowercased()
}

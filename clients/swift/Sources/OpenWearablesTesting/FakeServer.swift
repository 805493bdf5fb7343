import Foundation
import OpenWearables

#if canImport(FoundationNetworking)
  import FoundationNetworking
#endif

/// An installation in memory, for the tests and previews of an app: users, their tokens and
/// their workouts, and faults on demand. No request leaves the process.
///
/// It checks tokens as a server does, and of what it stores only that what is required is
/// there. It knows the calls of ``Users``, of ``Workouts`` and of sessions; every other one is
/// `unimplemented`.
public final class FakeServer: Sendable {
  /// What a call meets in place of its response.
  public struct Fault: Sendable {
    let refusal: Refusal?
    let seconds: TimeInterval

    /// No answer comes, as without a network.
    public static let offline = Fault(refusal: nil, seconds: 0)
    /// The server is failing.
    public static let unavailable = Fault(
      refusal: Refusal(503, .unavailable, "unavailable", "out of order"), seconds: 0)
    /// The limit is exceeded, until `retryAfter` seconds have passed.
    public static func rateLimited(retryAfter seconds: TimeInterval = 1) -> Fault {
      Fault(
        refusal: Refusal(
          429, .resourceExhausted, "rate_limited", "too many requests",
          ["retry-after": String(Int(seconds.rounded(.up)))]), seconds: 0)
    }
    /// The server refuses the call for this reason, such as `quota_exceeded`.
    public static func refused(_ code: APIError.Code, _ reason: APIError.Reason) -> Fault {
      Fault(refusal: Refusal(400, code, reason.rawValue, "refused by the fake"), seconds: 0)
    }
    /// The answer takes so long, and then it comes.
    public static func slow(_ seconds: TimeInterval) -> Fault {
      Fault(refusal: nil, seconds: seconds)
    }
  }

  /// Where it pretends to be.
  public let url: URL

  let state: Guarded<State>

  public init(users: [User] = []) {
    url =
      URL(string: "https://\(UUID().uuidString.lowercased()).fake.invalid")
      ?? URL(fileURLWithPath: "/")
    state = Guarded(State(users: users))
  }

  /// For sessions and clients of your own whose base URL is ``url``.
  public var network: Network { Network(transport: FakeTransport(server: self)) }

  /// A client that may call everything, as with an API key.
  public func client() throws(APIError) -> OpenWearablesClient {
    try OpenWearablesClient(testing: url, key: "ow_test_fake", network: network)
  }

  /// A session of a user, which gets its tokens here.
  public func session(of userID: String, store: some SessionStore = MemoryStore()) -> UserSession {
    UserSession(baseURL: url, store: store, userID: userID, network: network) { [self] _ in
      guard hasUser(userID) else { throw SignInRequired() }
      return tokens(for: userID)
    }
  }

  /// A client of a user.
  public func userClient(of userID: String) -> UserClient { UserClient(session(of: userID)) }

  /// Adds a user.
  @discardableResult
  public func addUser(email: String? = nil, firstName: String? = nil) -> User {
    let user = User(
      id: UUID().uuidString.lowercased(), createdAt: now(), firstName: firstName, email: email)
    state.with { $0.users.append(user) }
    return user
  }

  /// Tokens for a user, as an app's backend gets them.
  public func tokens(for userID: String) -> SessionTokens {
    let pair = state.with { $0.mint(userID) }
    return SessionTokens(
      accessToken: Secret(pair.accessToken), refreshToken: pair.refreshToken.map { Secret($0) },
      expiresIn: TimeInterval(pair.expiresIn))
  }

  /// The workouts that are stored for a user, oldest first.
  public func workouts(of userID: String) -> [Workout] {
    state.with { $0.workouts[userID] ?? [] }.sorted { $0.startTime < $1.startTime }
  }

  /// Lets the next calls fail: `times` of them, of one method such as `UpsertWorkouts` or of
  /// any.
  public func fail(_ fault: Fault, on method: String? = nil, times: Int = 1) {
    state.with { $0.faults.append((fault, method, times)) }
  }

  /// Ends the life of all access tokens, so that sessions renew them.
  public func expireTokens() { state.with { $0.access = [:] } }

  /// Ends all sessions, as a server does: the next call asks the token provider, and without
  /// one it fails with `isSessionExpired`.
  public func endSessions() {
    state.with {
      $0.access = [:]
      $0.refresh = [:]
    }
  }

  /// The methods that were called, in order.
  public var calls: [String] { state.with { $0.calls } }

  private func hasUser(_ id: String) -> Bool {
    state.with { state in state.users.contains { $0.id == id } }
  }
}

/// The time in whole seconds, which survives JSON.
func now() -> Date { Date(timeIntervalSince1970: Date().timeIntervalSince1970.rounded(.down)) }

/// The transport of a fake server.
struct FakeTransport: HTTPTransport {
  let server: FakeServer

  func send(_ request: URLRequest, limit: Int, by deadline: Deadline) async throws(APIError)
    -> HTTPResponse
  {
    let method = request.url?.lastPathComponent ?? ""
    if let fault = server.state.with({ $0.take(method) }) {
      if fault.seconds > 0 {
        do { try await Task.sleep(nanoseconds: UInt64(fault.seconds * 1e9)) } catch {
          throw APIError(.canceled, "the task was cancelled", underlying: error)
        }
        if deadline < Deadline(in: 0) { throw APIError(.timeout, "the deadline passed") }
      } else if let refusal = fault.refusal {
        return refusal.response
      } else {
        throw APIError(.offline, reason: .offline, "no answer came")
      }
    }
    let body = request.httpBody ?? Data()
    let credential = request.value(forHTTPHeaderField: "Authorization")
    do throws(Refusal) {
      let answer = try server.state.with { state throws(Refusal) in
        try state.answer(method, body, credential)
      }
      return HTTPResponse(
        status: 200, headers: ["content-type": "application/json"], body: answer)
    } catch { return error.response }
  }
}

/// An error of the server.
struct Refusal: Error {
  let status: Int
  let code: APIError.Code
  let reason: String
  let message: String
  let headers: [String: String]

  init(
    _ status: Int, _ code: APIError.Code, _ reason: String, _ message: String,
    _ headers: [String: String] = [:]
  ) {
    self.status = status
    self.code = code
    self.reason = reason
    self.message = message
    self.headers = headers
  }

  /// The error in Connect's JSON, its reason in the binary form of `ErrorDetail`.
  var response: HTTPResponse {
    let text = Data(reason.utf8.prefix(127))
    let detail: [String: String] = [
      "type": "openwearables.v1.ErrorDetail",
      "value": (Data([0x0a, UInt8(text.count)]) + text).base64EncodedString(),
    ]
    let json: [String: Any] = ["code": code.rawValue, "message": message, "details": [detail]]
    var all = headers
    all["content-type"] = "application/json"
    return HTTPResponse(
      status: status, headers: all,
      body: (try? JSONSerialization.data(withJSONObject: json)) ?? Data())
  }
}

import Foundation
import OpenWearables

/// A value that one thread at a time may access.
///
/// `@unchecked Sendable` because every access to `value` holds `lock`.
final class Guarded<Value>: @unchecked Sendable {
  private var value: Value
  private let lock = NSLock()

  init(_ value: Value) { self.value = value }

  func with<Result, Failure: Error>(_ body: (inout Value) throws(Failure) -> Result)
    throws(Failure) -> Result
  {
    lock.lock()
    defer { lock.unlock() }
    return try body(&value)
  }
}

/// What a fake server holds.
struct State {
  var users: [User]
  var workouts: [String: [Workout]] = [:]
  /// The users of access and refresh tokens.
  var access: [String: String] = [:]
  var refresh: [String: String] = [:]
  var faults: [(fault: FakeServer.Fault, method: String?, times: Int)] = []
  var calls: [String] = []
  private var minted = 0

  init(users: [User]) { self.users = users }

  /// Notes a call, and returns the fault that it meets.
  mutating func take(_ method: String) -> FakeServer.Fault? {
    calls.append(method)
    guard let i = faults.firstIndex(where: { $0.times > 0 && ($0.method ?? method) == method })
    else { return nil }
    faults[i].times -= 1
    return faults[i].fault
  }

  /// Makes a pair of tokens. The access token looks like a JWT and names the user.
  mutating func mint(_ userID: String) -> TokenPair {
    minted += 1
    let claims = Data(#"{"sub":"\#(userID)","n":\#(minted)}"#.utf8).base64EncodedString()
      .replacingOccurrences(of: "=", with: "")
    let pair = TokenPair(
      accessToken: "e30.\(claims).fake", tokenType: "bearer", refreshToken: "rt_fake\(minted)",
      expiresIn: 3600)
    access[pair.accessToken] = userID
    refresh["rt_fake\(minted)"] = userID
    return pair
  }

  /// Answers a call with the JSON of its response.
  mutating func answer(_ method: String, _ body: Data, _ credential: String?) throws(Refusal)
    -> Data
  {
    switch method {
    case "RefreshToken": return try run(body) { s, r throws(Refusal) in try s.renew(r) }
    case "RevokeToken":
      return try run(body) { (s, r: RevokeTokenRequest) throws(Refusal) in
        s.refresh[r.refreshToken ?? ""] = nil
        return RevokeTokenResponse()
      }
    default: break
    }
    let caller = try caller(credential)
    if let answer = try users(method, body, caller) { return answer }
    if let answer = try workouts(method, body, caller) { return answer }
    throw Refusal(501, .unimplemented, "unimplemented", "the fake server has no \(method)")
  }

  /// Returns the user whose token a credential is; nil for the key, which may do all.
  private func caller(_ credential: String?) throws(Refusal) -> String? {
    guard let credential, credential.hasPrefix("Bearer ") else {
      throw Refusal(401, .unauthenticated, "missing_credential", "no credential")
    }
    let token = String(credential.dropFirst(7))
    if token.hasPrefix("ow_") { return nil }
    guard let user = access[token] else {
      throw Refusal(401, .unauthenticated, "token_expired", "the token has expired")
    }
    return user
  }

  private mutating func renew(_ request: RefreshTokenRequest) throws(Refusal)
    -> RefreshTokenResponse
  {
    guard let user = refresh.removeValue(forKey: request.refreshToken ?? "") else {
      throw Refusal(401, .unauthenticated, "invalid_refresh_token", "the session has ended")
    }
    return RefreshTokenResponse(tokens: mint(user))
  }

  /// Reads a request, does the work and writes the response.
  mutating func run<Input: Message, Output: Message>(
    _ body: Data, _ work: (inout State, Input) throws(Refusal) -> Output
  ) throws(Refusal) -> Data {
    let request: Input
    do { request = try Input(jsonUTF8: body) } catch {
      throw Refusal(400, .invalidArgument, "invalid_request", "\(error)")
    }
    let response = try work(&self, request)
    do { return try response.jsonUTF8() } catch {
      throw Refusal(500, .internal, "internal", "\(error)")
    }
  }
}

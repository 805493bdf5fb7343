import Foundation

/// An access token and the refresh token that renews it, as a backend passes them to its
/// app. They are not printed. They are decoded from the response of the REST API:
/// `{"access_token": ..., "refresh_token": ..., "expires_in": 3600}`.
public struct SessionTokens: Sendable, Hashable {
  /// Sent with every call.
  public let accessToken: Secret
  /// nil if only a token provider renews the session.
  public let refreshToken: Secret?
  /// How long the access token lives, in seconds.
  public let expiresIn: TimeInterval

  public init(accessToken: Secret, refreshToken: Secret? = nil, expiresIn: TimeInterval) {
    self.accessToken = accessToken
    self.refreshToken = refreshToken
    self.expiresIn = expiresIn
  }

  /// Throws if the pair can never work.
  func check() throws(APIError) {
    try checkBare(accessToken.reveal(), field: "accessToken")
    if let refreshToken { try checkBare(refreshToken.reveal(), field: "refreshToken") }
    guard !accessToken.reveal().isEmpty else {
      throw .invalid("the token pair has no access token", field: "accessToken")
    }
    guard expiresIn > 0 else {
      throw .invalid("the token pair's expires_in must be positive", field: "expiresIn")
    }
  }
}

extension SessionTokens: Decodable {
  private enum CodingKeys: String, CodingKey {
    case accessToken = "access_token"
    case refreshToken = "refresh_token"
    case expiresIn = "expires_in"
  }

  /// - Throws: an ``APIError`` of kind `invalid`, which does not contain the input.
  public init(from decoder: any Decoder) throws {
    do {
      let values = try decoder.container(keyedBy: CodingKeys.self)
      let refresh = try values.decodeIfPresent(String.self, forKey: .refreshToken) ?? ""
      self.init(
        accessToken: Secret(try values.decode(String.self, forKey: .accessToken)),
        refreshToken: refresh.isEmpty ? nil : Secret(refresh),
        expiresIn: try values.decode(Double.self, forKey: .expiresIn))
    } catch {
      throw APIError.invalid(
        "the token pair is not JSON with access_token, refresh_token and expires_in")
    }
  }
}

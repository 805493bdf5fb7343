import Foundation
import OpenWearables

/// An application's id and secret, which mint tokens for any user. For servers only: an app
/// that ships them gives them away. Therefore they are in a product of their own.
public struct AppCredentials: Sendable {
  private let rpc: TokenRPC
  private let appID: String
  private let appSecret: Secret

  /// `allowInsecurePrivateNetwork` is that of ``OpenWearablesClient/Options``.
  ///
  /// - Throws: ``APIError`` of the kind `invalid` if the URL or a credential cannot be
  ///   used.
  public init(
    baseURL: URL, appID: String, appSecret: String, allowInsecurePrivateNetwork: Bool = false,
    network: Network = .shared
  ) throws(APIError) {
    guard !appID.isEmpty, !appSecret.isEmpty else {
      throw .invalid(
        "the application's id or secret is empty: are the environment variables set?",
        field: appID.isEmpty ? "appID" : "appSecret")
    }
    try checkBare(appID, field: "appID")
    try checkBare(appSecret, field: "appSecret")
    rpc = try TokenRPC(
      baseURL: baseURL, allowInsecurePrivateNetwork: allowInsecurePrivateNetwork, network: network)
    self.appID = appID
    self.appSecret = Secret(appSecret)
  }

  /// Mints tokens for a user, to be passed to the app in which that user is signed in.
  /// Takes at most 30 seconds, retries included.
  public func exchange(userID: String) async throws(APIError) -> SessionTokens {
    try await rpc.exchange(userID: userID, appID: appID, secret: appSecret, by: Deadline(in: 30))
  }
}

extension AppCredentials: CustomStringConvertible, CustomReflectable {
  public var description: String { "AppCredentials(\(appID))" }
  public var customMirror: Mirror { Mirror(self, children: ["appID": appID]) }
}

extension SessionTokens {
  /// The tokens in plain text, in the format of the REST API, which the SDKs read. Send
  /// them only to the app that will use them, with `Cache-Control: no-store`.
  public var exposed: ExposedTokens { ExposedTokens(self) }
}

/// Tokens in plain text.
public struct ExposedTokens: Encodable, Sendable {
  private let tokens: SessionTokens

  fileprivate init(_ tokens: SessionTokens) { self.tokens = tokens }

  private enum CodingKeys: String, CodingKey {
    case accessToken = "access_token"
    case tokenType = "token_type"
    case refreshToken = "refresh_token"
    case expiresIn = "expires_in"
  }

  public func encode(to encoder: any Encoder) throws {
    var values = encoder.container(keyedBy: CodingKeys.self)
    try values.encode(tokens.accessToken.reveal(), forKey: .accessToken)
    try values.encode("bearer", forKey: .tokenType)
    try values.encodeIfPresent(tokens.refreshToken?.reveal(), forKey: .refreshToken)
    let life = tokens.expiresIn > 0 ? min(tokens.expiresIn, 1e9) : 0
    try values.encode(Int(life), forKey: .expiresIn)
  }
}

/// What a ``TokenProvider`` receives.
public struct TokenRequest: Sendable {
  /// The user whose tokens are needed, as given to the session.
  public let userID: String?
  /// ``APIError/Reason/signedOut`` when nobody is signed in, else the server's reason for
  /// ending the session.
  public let reason: APIError.Reason
}

/// Fetches tokens from the app's own backend. It is called when nobody is signed in and
/// when the server has ended the session, never twice at once. If it throws
/// ``SignInRequired``, the session ends; any other error keeps it.
public typealias TokenProvider = @Sendable (TokenRequest) async throws -> SessionTokens

/// Thrown by a ``TokenProvider`` when nobody is signed in at the app's backend.
public struct SignInRequired: Error, Sendable {
  public init() {}
}

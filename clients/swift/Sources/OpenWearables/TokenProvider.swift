/// Why a ``TokenProvider`` is asked.
public struct TokenRequest: Sendable {
  /// Whose tokens, as given to the session.
  public let userID: String?
  /// ``APIError/Reason/signedOut`` when nobody is signed in, else the server's reason for
  /// ending the session.
  public let reason: APIError.Reason
}

/// Fetches tokens from the app's own backend. It is asked when nobody is signed in and
/// when the server has ended the session, never twice at once. If it throws
/// ``SignInRequired``, the session is over; any other error keeps it.
public typealias TokenProvider = @Sendable (TokenRequest) async throws -> SessionTokens

/// The app's backend has nobody signed in.
public struct SignInRequired: Error, Sendable {
  public init() {}
}

extension APIError.Reason {
  // What the server says. There may be more in a newer version.

  /// No credential was sent.
  public static let missingCredential: Self = "missing_credential"
  /// Neither the header nor the body has a credential.
  public static let missingCredentials: Self = "missing_credentials"
  /// Two credentials were sent at once.
  public static let multipleCredentials: Self = "multiple_credentials"
  /// The API key is wrong, disabled, expired or deleted.
  public static let invalidAPIKey: Self = "invalid_api_key"
  /// The token is none, or no longer one.
  public static let invalidToken: Self = "invalid_token"
  public static let tokenExpired: Self = "token_expired"
  /// The email or the password is wrong.
  public static let invalidCredentials: Self = "invalid_credentials"
  /// The setup token is wrong, used or over, or there is a developer.
  public static let invalidSetupToken: Self = "invalid_setup_token"
  /// The application's id or secret is wrong.
  public static let invalidAppCredentials: Self = "invalid_app_credentials"
  /// The present password is wrong.
  public static let incorrectPassword: Self = "incorrect_password"
  /// A credential of this kind may not make the call.
  public static let credentialNotAllowed: Self = "credential_not_allowed"
  /// The API key lacks ``APIError/requiredScope``.
  public static let insufficientScope: Self = "insufficient_scope"
  /// The token is of another user.
  public static let otherUser: Self = "other_user"
  /// The operator's quota is used up: remove something, or ask for a larger one.
  public static let quotaExceeded: Self = "quota_exceeded"
  /// The API key is used from outside its networks; the message names the address.
  public static let networkNotAllowed: Self = "network_not_allowed"
  /// A page of a browser sent the API key or the application's secret.
  public static let keyInBrowser: Self = "key_in_browser"
  /// A browser called from another origin.
  public static let crossOrigin: Self = "cross_origin"
  /// ``APIError/fields`` says what is wrong.
  public static let invalidRequest: Self = "invalid_request"
  public static let notFound: Self = "not_found"
  /// Another user has the email.
  public static let emailTaken: Self = "email_taken"
  /// Another user has the id.
  public static let externalUserIDTaken: Self = "external_user_id_taken"
  /// Another test of the webhook's endpoint runs.
  public static let testInProgress: Self = "test_in_progress"
  /// The product behind the server did not take the call, and says why.
  public static let upstreamRefused: Self = "upstream_refused"
  /// The product behind the server does not know the user.
  public static let userNotUpstream: Self = "user_not_upstream"
  /// The product behind the server keeps the workouts.
  public static let workoutsUpstream: Self = "workouts_upstream"
  /// No other developer could log in.
  public static let lastDeveloper: Self = "last_developer"
  /// A developer has the email.
  public static let developerExists: Self = "developer_exists"
  /// A pending invitation has the email.
  public static let invitationPending: Self = "invitation_pending"
  public static let invitationAccepted: Self = "invitation_accepted"
  public static let invitationRevoked: Self = "invitation_revoked"
  public static let invitationExpired: Self = "invitation_expired"
  public static let rateLimited: Self = "rate_limited"
  public static let unavailable: Self = "unavailable"
  public static let `internal`: Self = "internal"
}

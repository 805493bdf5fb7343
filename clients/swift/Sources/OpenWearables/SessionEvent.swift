import Foundation

/// Something that happened to a session or to an API key.
public enum SessionEvent: Sendable {
  /// Somebody signed in; `elsewhere` if another process did it.
  case signedIn(elsewhere: Bool)
  /// The token was renewed.
  case tokenRefreshed(elsewhere: Bool)
  /// An attempt to renew the token failed. The session is kept.
  case refreshFailed(APIError, willRetry: Bool)
  /// The server ended the session. It comes once for each session.
  case sessionExpired(APIError.Reason?)
  /// Somebody signed out.
  case signedOut(elsewhere: Bool)
  /// The store failed. A session that could not be stored lives on in memory.
  case storageError(APIError)
  /// The API key was rotated: replace it before it ends.
  case keyRotated(sunset: Date)
}

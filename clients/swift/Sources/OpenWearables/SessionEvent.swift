import Foundation

/// Something that happened to a session or to an API key.
public enum SessionEvent: Sendable {
  /// A user signed in; `elsewhere` is true if another process did it.
  case signedIn(elsewhere: Bool)
  /// The token was renewed; `elsewhere` is true if another process did it.
  case tokenRefreshed(elsewhere: Bool)
  /// An attempt to renew the token failed. The session is kept.
  case refreshFailed(APIError, willRetry: Bool)
  /// The server ended the session. Emitted once for each session.
  case sessionExpired(APIError.Reason?)
  /// The user signed out; `elsewhere` is true if another process did it.
  case signedOut(elsewhere: Bool)
  /// The store failed. A session that could not be saved lives on in memory.
  case storageError(APIError)
  /// The API key was rotated. Replace it before `sunset`, when it stops working.
  case keyRotated(sunset: Date)
}

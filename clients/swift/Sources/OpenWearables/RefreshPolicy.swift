/// Who renews a session.
public enum RefreshPolicy: Sendable {
  /// This process, when a token is due.
  case whenNeeded
  /// Another process: a widget or an extension reads the session that its app keeps, and
  /// changes nothing.
  case never
}

/// Who renews a session.
public enum RefreshPolicy: Sendable {
  /// This process renews a token when it is due.
  case whenNeeded
  /// Another process renews it. A widget or an extension reads the session of its app and
  /// changes nothing.
  case never
}

import Foundation

/// Whose session an engine keeps: at which installation, and of which user if the app said.
struct Place: Sendable, Hashable {
  let base: String
  let user: String?

  init(base: String, user: String?) {
    self.base = base
    self.user = user?.isEmpty == false ? user : nil
  }

  /// Reports whether the record is a session of this place. A record that does not name its
  /// user belongs to the subject of its token, and to a user by any name that the server does
  /// not give: its ids are UUIDs.
  func holds(_ record: Record) -> Bool {
    guard record.base == base else { return false }
    guard let user else { return true }
    if let named = record.user { return user == named }
    return UUID(uuidString: user) == nil || user == subject(of: record.access)
  }
}

/// Returns the subject of a JWT; nil if it cannot be read.
@usableFromInline func subject(of token: String) -> String? {
  let parts = token.split(separator: ".", omittingEmptySubsequences: false)
  guard parts.count == 3, let payload = Data(unpadded: String(parts[1])),
    let claims = (try? JSONSerialization.jsonObject(with: payload)) as? [String: Any],
    let subject = claims["sub"] as? String, !subject.isEmpty
  else { return nil }
  return subject
}

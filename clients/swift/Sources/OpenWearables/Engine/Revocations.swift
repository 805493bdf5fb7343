import Foundation

/// The refresh tokens of sessions that are over here but could not be ended at the server.
/// They are revoked behind the next call of this process to the same base URL that succeeds.
/// They belong to the process, because the session that signed out may be gone.
enum Revocations {
  private struct Entry: Sendable {
    let base: String
    let token: Secret
    /// When to try again, on the monotonic clock.
    let after: TimeInterval
  }

  /// Beyond it the oldest is forgotten, and ends when it expires.
  private static let most = 64
  private static let list = Locked<[Entry]>([])

  /// Remembers a token whose revocation failed, unless another attempt would fail too.
  static func add(_ token: String, of base: String, _ error: APIError, after: TimeInterval) {
    guard [.transient, .limited, .doubtful].contains(error.verdict) else { return }
    let token = Secret(token)
    list.with { list in
      list.removeAll { $0.base == base && $0.token == token }
      list.append(Entry(base: base, token: token, after: after))
      list.removeFirst(max(list.count - most, 0))
    }
  }

  /// Revokes what is due at the server that `connect` has just reached.
  static func retry(over connect: Connect) {
    guard let base = try? connect.base.get().string else { return }
    let tokens: [String] = list.with { list in
      guard !list.isEmpty else { return [] }
      let now = monotonic()
      let due = list.filter { $0.base == base && $0.after <= now }
      list.removeAll { $0.base == base && $0.after <= now }
      return due.map { $0.token.reveal() }
    }
    guard !tokens.isEmpty else { return }
    Task.detached { await TokenRPC(connect: connect).revokeAll(tokens) }
  }
}

extension TokenRPC {
  /// Revokes sessions that nobody uses any more, and remembers those for which that fails.
  func revokeAll(_ tokens: [String]) async {
    guard let base = try? connect.base.get().string else { return }
    for token in tokens {
      if let error = await revoke(token) {
        Revocations.add(token, of: base, error, after: monotonic() + Wait.revocationApart)
      }
    }
  }
}

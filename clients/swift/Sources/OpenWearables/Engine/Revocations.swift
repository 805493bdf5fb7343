import Foundation

/// The refresh tokens of sessions that are over here but could not be ended at the server.
/// They are revoked behind the next call of this process to the same base URL that succeeds.
/// They belong to the process, because the session that signed out may be gone.
enum Revocations {
  struct Entry: Sendable {
    let base: String
    let token: Secret
    /// The rounds behind other calls that have failed.
    var failures = 0
    /// When to try again, on the monotonic clock.
    var after: TimeInterval = 0
  }

  /// Beyond it the oldest is forgotten, and ends when it expires.
  private static let most = 64
  private static let list = Locked<[Entry]>([])

  /// Remembers tokens after the revocation of one of them failed, `failures` times in a row,
  /// unless another attempt would fail too. All of them wait as long as that one.
  static func postpone(_ entries: [Entry], failures: Int, _ error: APIError) {
    guard error.mayPass else { return }
    let after = monotonic() + Wait.revocation(failures, error)
    list.with { list in
      list.removeAll { old in
        entries.contains { $0.base == old.base && $0.token == old.token }
      }
      list += entries.map {
        Entry(base: $0.base, token: $0.token, failures: failures, after: after)
      }
      list.removeFirst(max(list.count - most, 0))
    }
  }

  /// Revokes what is due at the server that `connect` has just reached.
  static func retry(over connect: Connect) {
    guard let base = try? connect.base.get().string else { return }
    let due: [Entry] = list.with { list in
      guard !list.isEmpty else { return [] }
      let now = monotonic()
      var (due, later): ([Entry], [Entry]) = ([], [])
      for entry in list {
        if entry.base == base, entry.after <= now { due.append(entry) } else { later.append(entry) }
      }
      list = later
      return due
    }
    guard !due.isEmpty else { return }
    Task.detached { await TokenRPC(connect: connect).revokeAll(due) }
  }
}

extension TokenRPC {
  /// Revokes sessions that nobody uses any more, until that fails. What is left is postponed.
  func revokeAll(_ tokens: [String]) async {
    guard let base = try? connect.base.get().string else { return }
    await revokeAll(tokens.map { Revocations.Entry(base: base, token: Secret($0)) })
  }

  fileprivate func revokeAll(_ entries: [Revocations.Entry]) async {
    for (i, entry) in entries.enumerated() {
      guard let error = await revoke(entry.token.reveal()), error.mayPass else { continue }
      // It comes last, so that a token that always fails does not keep the others back.
      Revocations.postpone(entries[(i + 1)...] + [entry], failures: entry.failures + 1, error)
      return
    }
  }
}

extension APIError {
  /// A later attempt to revoke the token may succeed.
  fileprivate var mayPass: Bool { [.transient, .limited, .doubtful].contains(verdict) }
}

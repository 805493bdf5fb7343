import Foundation

/// A session as it is stored, always replaced as a whole. The retry key is drawn with the
/// pair: a process that finds the record, even after a crash, repeats the same renewal and
/// does not start a second one. The Go SDK reads and writes the same format.
struct Record: Codable, Sendable, Equatable {
  static let version = 1

  var version: Int
  var base: String
  /// As the app names the user, else the token's subject. Old records lack it.
  var user: String?
  /// Identifies the sign-in. All its renewals keep it.
  var id: String
  var access: String
  var refresh: String?
  var retryKey: String
  /// Seconds.
  var ttl: Int64
  /// When the access token expires, in Unix milliseconds of the server's clock.
  var expires: Int64
  /// When the pair was issued, in Unix milliseconds of the server's clock.
  var saved: Int64
  /// How far the server's clock was ahead of the writer's, in milliseconds.
  var skew: Int64

  private enum CodingKeys: String, CodingKey {
    case version
    case base = "base_url"
    case user = "user_id"
    case id
    case access = "access_token"
    case refresh = "refresh_token"
    case retryKey = "retry_key"
    case ttl
    case expires = "expires_at"
    case saved = "saved_at"
    case skew
  }
}

/// A record in use, with its times on this process's clock. It never changes.
final class LiveSession: Sendable {
  let record: Record
  /// The record as it is stored.
  let raw: Data
  /// The store could not save `raw` and holds `instead`.
  let isUnsaved: Bool
  let instead: Data?
  /// While unsaved: `instead` is unknown. Whatever the store holds, this session replaces it.
  let isUnread: Bool
  /// When to renew the access token, when it expires and when it was received, on the
  /// monotonic clock.
  let renewAt, expiresAt, receivedAt: TimeInterval
  /// This process fetched it and did not find it in the store.
  let fetched: Bool
  /// It was fetched because the server refused the one before.
  let forRefusal: Bool

  private init(
    _ record: Record, raw: Data, receivedAt: TimeInterval, expiresAt: TimeInterval,
    renewAt: TimeInterval, fetched: Bool, forRefusal: Bool, isUnsaved: Bool = false,
    instead: Data? = nil, isUnread: Bool = false
  ) {
    self.record = record
    self.raw = raw
    self.receivedAt = receivedAt
    self.expiresAt = expiresAt
    self.renewAt = renewAt
    self.fetched = fetched
    self.forRefusal = forRefusal
    self.isUnsaved = isUnsaved
    self.instead = instead
    self.isUnread = isUnread
  }

  /// The record to expect in the store while this session is current.
  var stored: Data? { isUnsaved ? instead : raw }

  /// Reports whether its access token is `access`.
  func carries(_ access: String?) -> Bool { access == record.access }

  /// Reports whether both are the same tokens of the same sign-in, saved or not.
  func isSame(as other: LiveSession?) -> Bool {
    record.id == other?.record.id && record.access == other?.record.access
  }

  /// Returns the session marked as not saved; the store holds `instead`, or what is unknown.
  func marked(unsaved instead: Data?, isUnread: Bool = false, now: TimeInterval) -> LiveSession {
    LiveSession(
      record, raw: raw, receivedAt: receivedAt, expiresAt: expiresAt,
      renewAt: min(renewAt, now + Wait.save), fetched: fetched, forRefusal: forRefusal,
      isUnsaved: true, instead: instead, isUnread: isUnread)
  }

  /// Returns the session, to be renewed at another time.
  func renewed(at renewAt: TimeInterval) -> LiveSession {
    LiveSession(
      record, raw: raw, receivedAt: receivedAt, expiresAt: expiresAt, renewAt: renewAt,
      fetched: fetched, forRefusal: forRefusal, isUnsaved: isUnsaved, instead: instead,
      isUnread: isUnread)
  }

  /// Returns the session after another attempt to save it in place of `instead`.
  func marked(saved done: Bool, over instead: Data?, now: TimeInterval) -> LiveSession {
    let due = expiresAt - margin(TimeInterval(record.ttl), jitter: 0)
    return LiveSession(
      record, raw: raw, receivedAt: receivedAt, expiresAt: expiresAt,
      renewAt: done ? due : now < due ? now + Wait.save : renewAt,
      fetched: fetched, forRefusal: forRefusal, isUnsaved: !done, instead: done ? nil : instead)
  }
}

extension LiveSession {
  /// Makes the session of a pair that was requested at `requestedAt`, on the monotonic clock.
  /// `date` is the server's time, if it is known, and `user` that of the pair before.
  convenience init(
    _ place: Place, id: String, user: String? = nil, _ tokens: SessionTokens, clock: Clock,
    requestedAt: TimeInterval, date: TimeInterval?, forRefusal: Bool = false
  ) {
    let now = clock.wall()
    let ttl = min(tokens.expiresIn, Wait.longest)
    // A Date header is exact to a second, so less than two seconds is not skew.
    let ahead = (date ?? now) - now
    let skew = (2...Wait.longest).contains(abs(ahead)) ? ahead : 0
    let access = tokens.accessToken.reveal()
    let record = Record(
      version: Record.version, base: place.base,
      user: place.user ?? user ?? subject(of: access), id: id, access: access,
      refresh: tokens.refreshToken?.reveal(), retryKey: randomKey(), ttl: Int64(ttl),
      expires: Int64((now + skew + ttl) * 1000), saved: Int64((now + skew) * 1000),
      skew: Int64(skew * 1000))
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    let raw = (try? encoder.encode(record)) ?? Data()  // strings and integers always encode
    let expiresAt = requestedAt + ttl
    self.init(
      record, raw: raw, receivedAt: requestedAt, expiresAt: expiresAt,
      renewAt: expiresAt - margin(ttl, jitter: .random(in: 0..<1)), fetched: true,
      forRefusal: forRefusal)
  }

  /// The session of a stored record. Its remaining life is counted on the server's clock, as
  /// the writer knew it. A record from the future, or with more life left than it began with,
  /// has expired.
  convenience init(_ record: Record, stored raw: Data, clock: Clock) {
    let now = clock.wall() + TimeInterval(record.skew) / 1000
    let ttl = min(max(TimeInterval(record.ttl), 0), Wait.longest)
    var left = TimeInterval(record.expires) / 1000 - now
    let tolerance: TimeInterval = 5
    if now < TimeInterval(record.saved) / 1000 - tolerance || left > ttl + tolerance || left < 0 {
      left = 0
    }
    let mono = clock.mono()
    let expiresAt = mono + left
    self.init(
      record, raw: raw, receivedAt: mono - (ttl - left), expiresAt: expiresAt,
      renewAt: expiresAt - margin(ttl, jitter: .random(in: 0..<1)), fetched: false,
      forRefusal: false)
  }
}

extension Record {
  /// Reads a stored record.
  init(stored raw: Data) throws(StoreError) {
    guard let record = try? JSONDecoder().decode(Record.self, from: raw),
      record.version == Record.version, !record.access.isEmpty, !record.id.isEmpty,
      !record.retryKey.isEmpty, isBare(record.access), isBare(record.refresh ?? "")
    else {
      throw StoreError(
        description: "it holds no session of this package; remove it, or use another store")
    }
    self = record
  }
}

private func isBare(_ credential: String) -> Bool {
  do throws(APIError) {
    try checkBare(credential, field: "")
    return true
  } catch { return false }
}

/// Returns how long before its expiry a token is renewed: the shorter of a minute and a
/// quarter of its life, and up to a fifth more so that clients do not all come at once.
func margin(_ ttl: TimeInterval, jitter: Double) -> TimeInterval {
  min(60, ttl / 4) * (1 + 0.2 * jitter)
}

/// Returns 130 random bits as 26 lower-case letters and digits.
@usableFromInline func randomKey() -> String {
  var random = SystemRandomNumberGenerator()
  return String((0..<26).map { _ in alphabet[Int(random.next() & 31)] })
}

/// Reports whether ``randomKey()`` can return a text.
func isRandomKey(_ text: some StringProtocol) -> Bool {
  text.utf8.count == 26 && text.allSatisfy(alphabet.contains)
}

private let alphabet = Array("abcdefghijklmnopqrstuvwxyz234567")

extension Record: CustomStringConvertible, CustomReflectable {
  var description: String { "Record(\(base))" }
  var customMirror: Mirror { Mirror(self, children: ["base": base]) }
}

extension LiveSession: CustomStringConvertible, CustomReflectable {
  var description: String { "LiveSession(\(record.base))" }
  var customMirror: Mirror { Mirror(self, children: ["base": record.base]) }
}

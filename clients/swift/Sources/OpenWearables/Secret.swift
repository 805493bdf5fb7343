/// A credential that is not printed. `description`, `dump`, `Mirror` and string
/// interpolation show a fingerprint; only ``reveal()`` returns the value. It is not
/// `Codable`, so that no secret is encoded by accident.
public struct Secret: Sendable, Hashable {
  private let value: @Sendable () -> String

  /// Wraps a value.
  public init(_ value: String) { self.value = { value } }

  /// Returns the value.
  public func reveal() -> String { value() }

  public static func == (a: Secret, b: Secret) -> Bool { a.value() == b.value() }
  public func hash(into hasher: inout Hasher) { hasher.combine(value()) }
}

extension Secret: CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
  /// A fingerprint such as `rt_…a1b2`: the public prefix, and a hash that differs from
  /// process to process. Equal secrets have equal fingerprints.
  public var description: String {
    let value = value()
    let prefixes = ["ow_live_", "ow_test_", "secret_", "rt_", "whsec_"]
    let prefix = prefixes.first(where: value.hasPrefix) ?? ""
    let mark = String(UInt16(truncatingIfNeeded: value.hashValue), radix: 16)
    return prefix + "…" + String(repeating: "0", count: 4 - mark.count) + mark
  }

  public var debugDescription: String { description }
  public var customMirror: Mirror { Mirror(self, children: []) }
}

/// Throws if a credential includes its scheme or a character that no header carries.
@usableFromInline package func checkBare(_ credential: String, field: String) throws(APIError) {
  if credential.count >= 6, credential.prefix(6).lowercased() == "bearer",
    credential.count == 6 || credential.dropFirst(6).first == " "
  {
    throw .invalid(
      "give the bare credential, without \"Bearer \": the scheme is added when it is sent",
      field: field)
  }
  if credential.utf8.contains(where: { $0 <= 0x20 || $0 > 0x7e }) {
    throw .invalid(
      "the credential contains a space, a line break or another character that no credential has",
      field: field)
  }
}

import Foundation

/// The URL of an installation: a scheme, a host and at most a path, without a trailing
/// slash.
package struct BaseURL: Sendable, Hashable {
  package let string: String

  /// Throws if credentials must not be sent to the URL.
  package init(_ url: URL) throws(APIError) {
    guard let parts = URLComponents(url: url, resolvingAgainstBaseURL: true),
      let scheme = parts.scheme?.lowercased(), let host = parts.host, !host.isEmpty
    else { throw .invalid("the base URL must be absolute, such as https://api.example.com") }
    guard parts.user == nil, parts.password == nil, parts.query == nil, parts.fragment == nil
    else {
      throw .invalid(
        "the base URL must be a scheme, a host and at most a path, such as https://api.example.com"
      )
    }
    guard scheme == "https" || scheme == "http" else {
      throw .invalid("the base URL must begin with https://")
    }
    guard scheme == "https" || isLoopback(host) else {
      throw .invalid(
        "the base URL must begin with https://: plain http is for loopback addresses only")
    }
    let isBare = host.contains(":") && !host.hasPrefix("[")
    var base = "\(scheme)://\(isBare ? "[\(host)]" : host)".lowercased()
    if let port = parts.port { base += ":\(port)" }
    base += parts.percentEncodedPath
    while base.hasSuffix("/") { base.removeLast() }
    string = base
  }
}

private func isLoopback(_ host: String) -> Bool {
  let name = host.trimmingCharacters(in: CharacterSet(charactersIn: "[]")).lowercased()
  if name == "localhost" || name == "::1" { return true }
  let numbers = name.split(separator: ".", omittingEmptySubsequences: false)
  return numbers.count == 4 && numbers[0] == "127" && numbers.allSatisfy { UInt8($0) != nil }
}

import Foundation

/// The URL of an installation: a scheme, a host and at most a path, without a trailing
/// slash.
package struct BaseURL: Sendable, Hashable {
  package let string: String
  /// The scheme, the host and the port.
  let origin: String
  /// Begins with a slash, or is empty.
  let path: String

  /// Throws if credentials must not be sent to the URL: over plain http, to every host but
  /// this machine's own, or with `allowInsecurePrivateNetwork` that of a private network.
  package init(_ url: URL, allowInsecurePrivateNetwork: Bool = false) throws(APIError) {
    guard let parts = URLComponents(url: url, resolvingAgainstBaseURL: true),
      let scheme = parts.scheme?.lowercased(), parts.host?.isEmpty == false
    else { throw wrong("the base URL must be absolute, such as https://api.example.com") }
    guard parts.user == nil, parts.password == nil, parts.query == nil, parts.fragment == nil
    else {
      throw wrong(
        "the base URL must be a scheme, a host and at most a path, such as https://api.example.com"
      )
    }
    guard scheme == "https" || scheme == "http" else {
      throw wrong("the base URL must begin with https://")
    }
    guard let host = writtenHost(url) else {
      throw wrong(
        "the host of the base URL must be an address, or a name of letters, digits, '.', '-' and "
          + "'_', such as https://api.example.com")
    }
    if scheme == "http" { try checkPlain(host, allowInsecurePrivateNetwork) }
    var origin = "\(scheme)://\(host)"
    if let port = parts.port { origin += ":\(port)" }
    var path = parts.percentEncodedPath
    while path.hasSuffix("/") { path.removeLast() }
    self.origin = origin
    self.path = path
    string = origin + path
  }

  /// What the URL should be, if its path may be why something else than the API answered;
  /// else empty.
  func advice(_ status: Int) -> String {
    guard !path.isEmpty, status < 400 || status == 404 || status == 405 else { return "" }
    var right = origin
    if let end = path.range(of: "/api(/v[0-9]+)?$", options: .regularExpression) {
      right += path[..<end.lowerBound]
    }
    return printable(
      "; the base URL ends in \(path): it should be \(right), "
        + "unless a proxy serves the API below that path")
  }
}

private func wrong(_ message: String) -> APIError { .invalid(message, field: "baseURL") }

/// Returns the host as the URL writes it, in lower case; nil if it has any character that a
/// name or an address has not. `URLComponents` decodes it, and then `a%2Fb` would be the host
/// `a` with a path.
private func writtenHost(_ url: URL) -> String? {
  let text = url.absoluteString.lowercased()
  let name = #"(?<=^https?://)(\[[0-9a-f:.]+(%25[a-z0-9._-]+)?\]|[a-z0-9._-]+)(?=[:/]|$)"#
  return text.range(of: name, options: .regularExpression).map { String(text[$0]) }
}

/// Throws if a host must not be reached over plain http.
private func checkPlain(_ host: String, _ allowsPrivate: Bool) throws(APIError) {
  let host = Host(host)
  if host.isLoopback { return }
  guard allowsPrivate else {
    throw wrong(
      "the base URL must begin with https://: plain http is for loopback addresses only, "
        + "and with allowInsecurePrivateNetwork for private ones")
  }
  guard host.isPrivate else {
    throw wrong(
      "the base URL must begin with https://: "
        + "the host is neither a private address nor a name of a private network")
  }
}

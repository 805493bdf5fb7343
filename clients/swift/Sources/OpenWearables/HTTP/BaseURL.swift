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
      let scheme = parts.scheme?.lowercased(), let host = parts.host, !host.isEmpty
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
    if scheme == "http" { try checkPlain(host, allowInsecurePrivateNetwork) }
    let isBare = host.contains(":") && !host.hasPrefix("[")
    var origin = "\(scheme)://\(isBare ? "[\(host)]" : host)".lowercased()
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

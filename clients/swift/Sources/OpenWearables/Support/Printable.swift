import Foundation

#if canImport(FoundationNetworking)
  import FoundationNetworking
#endif

/// Returns a text of the server in a form that is safe in a terminal and a log: at most 1 KB
/// of UTF-8, and U+FFFD for each control character, line separator and character that
/// changes the direction of text.
func printable(_ text: String) -> String {
  let limit = 1 << 10
  let ellipsis: Unicode.Scalar = "…"
  var kept = String.UnicodeScalarView()
  var size = 0
  for scalar in text.unicodeScalars {
    let shown = isPrintable(scalar) ? scalar : "\u{fffd}"
    size += shown.utf8.count
    if size > limit - ellipsis.utf8.count {
      kept.append(ellipsis)
      break
    }
    kept.append(shown)
  }
  return String(kept)
}

/// Returns a text without what looks like a credential, and without the user and the password
/// of a URL. What comes before one may be anything, as in `%3Dow_live_`.
func masked(_ text: String) -> String {
  let forms = [
    "(ow_live_|ow_test_|secret_|rt_)[0-9A-Za-z]{10,}", "(eyJ)[0-9A-Za-z_.-]{10,}",
    "(whsec_)[0-9A-Za-z+/=_-]{10,}", #"(://)[^\s/?#"@]+(@)"#,
  ]
  return text.replacingOccurrences(
    of: forms.joined(separator: "|"), with: "$1$2$3$4…$5", options: .regularExpression)
}

/// Returns what an error of the app says in words: its own, not the values that it holds,
/// which could be secrets. Without any it is the name of its type.
func words(of error: any Error) -> String {
  if type(of: error) is NSError.Type, let error = (error as Any) as? NSError {
    return "\(error.domain) \(error.code)"
  }
  switch error {
  case let error as APIError: return error.message
  case let error as any LocalizedError:
    return error.errorDescription ?? "\(type(of: error))"
  case let error as URLError: return "\(type(of: error)) \(error.errorCode)"
  case is DecodingError, is EncodingError: return MessageError(error).description
  case let error as any CustomStringConvertible: return error.description
  default: return "\(type(of: error))"
  }
}

private func isPrintable(_ scalar: Unicode.Scalar) -> Bool {
  switch scalar.value {
  case 0..<0x20, 0x7f..<0xa0: false  // controls
  case 0x61c, 0x200e, 0x200f, 0x202a...0x202e, 0x2066...0x2069: false  // directions
  case 0x2028, 0x2029: false  // line separators
  default: true
  }
}

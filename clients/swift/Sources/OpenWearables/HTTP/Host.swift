import Foundation

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#endif

/// The host of a URL: an address or a name.
struct Host {
  private enum Form {
    case four([UInt8])
    case six([UInt8])
    case name(String)
  }

  private let form: Form

  init(_ text: String) {
    var text = text.trimmingCharacters(in: CharacterSet(charactersIn: "[]")).lowercased()
    if let four = bytes(text, AF_INET, 4) {
      form = .four(four)
    } else if text.contains(":") {
      if let zone = text.firstIndex(of: "%") { text = String(text[..<zone]) }
      let six = bytes(text, AF_INET6, 16) ?? []
      let isMapped = six.starts(with: [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff])
      form = isMapped ? .four(Array(six.suffix(4))) : .six(six)
    } else {
      form = .name(text)
    }
  }

  /// This machine's own.
  var isLoopback: Bool {
    switch form {
    case .four(let a): a[0] == 127
    case .six(let a): a == Array(repeating: 0, count: 15) + [1]
    case .name(let name): name == "localhost"
    }
  }

  /// A private or link-local address, or a name that only a private network resolves.
  var isPrivate: Bool {
    switch form {
    case .four(let a):
      a[0] == 10 || a[0] == 172 && a[1] & 0xf0 == 16 || a[0] == 192 && a[1] == 168
        || a[0] == 169 && a[1] == 254
    case .six(let a):
      !a.isEmpty && (a[0] & 0xfe == 0xfc || a[0] == 0xfe && a[1] & 0xc0 == 0x80)
    case .name(let name): isPrivateName(name)
    }
  }
}

/// Returns the bytes of an address in its usual form; nil if it is none.
private func bytes(_ text: String, _ family: Int32, _ count: Int) -> [UInt8]? {
  var address = [UInt8](repeating: 0, count: count)
  return inet_pton(family, text, &address) == 1 ? address : nil
}

private func isPrivateName(_ name: String) -> Bool {
  let name = name.hasSuffix(".") ? String(name.dropLast()) : name
  let suffixes = [".local", ".internal", ".svc", ".cluster.local"]
  if suffixes.contains(where: { name.hasSuffix($0) && name.count > $0.count }) { return true }
  return !name.isEmpty && !name.contains(".") && !isNumber(name)
}

/// Reports whether resolvers may take a name for an IPv4 address.
private func isNumber(_ name: String) -> Bool {
  name.hasPrefix("0x") || name.utf8.allSatisfy { (0x30...0x39).contains($0) }
}

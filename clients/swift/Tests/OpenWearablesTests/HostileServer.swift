import Foundation

@testable import OpenWearables

/// A server on a loopback address that sends whatever bytes a test gives it, one answer on
/// each connection. It ends with its object.
final class HostileServer: Sendable {
  /// Writes bytes to the client. Returns false when the client has hung up.
  typealias Writer = (Data) -> Bool

  let url: URL
  private let listener: Int32
  private let heads = Locked<[String]>([])

  /// The heads of the requests so far.
  var requests: [String] { heads.with { $0 } }

  init(_ answer: @escaping @Sendable (_ request: String, Writer) -> Void) throws {
    let (listener, port) = try listen()
    self.listener = listener
    url = URL(string: "http://127.0.0.1:\(port)")!
    let heads = heads
    Thread.detachNewThread {
      while true {
        let client = accept(listener, nil, nil)
        if client < 0, errno == EINTR || errno == ECONNABORTED { continue }
        if client < 0 {
          close(listener)
          return
        }
        Thread.detachNewThread {
          defer { close(client) }
          guard let head = readRequest(client) else { return }
          heads.with { $0.append(head) }
          answer(head) { send($0, to: client) }
        }
      }
    }
  }

  /// A server that gives every request the same answer.
  convenience init(
    status: Int = 200, _ headers: [String: String] = [:], type: String = "application/json",
    body: Data
  ) throws {
    let head = Self.head(status, headers.merging(["Content-Length": "\(body.count)"]) { $1 }, type)
    try self.init { _, write in _ = write(head) && write(body) }
  }

  convenience init(
    status: Int = 200, _ headers: [String: String] = [:], type: String = "application/json",
    text: String
  ) throws {
    try self.init(status: status, headers, type: type, body: Data(text.utf8))
  }

  /// A server whose answers end when the client hangs up, or after `size` bytes.
  convenience init(
    endless status: Int, _ headers: [String: String] = [:], begin: Data = Data(), repeat part: Data,
    upTo size: Int
  ) throws {
    let head = Self.head(status, headers, "application/json")
    try self.init { _, write in
      var left = size
      guard write(head), write(begin) else { return }
      while left > 0, write(part) { left -= part.count }
    }
  }

  deinit { shutdown(listener, Int32(SHUT_RDWR)) }

  private static func head(_ status: Int, _ headers: [String: String], _ type: String) -> Data {
    let lines = headers.merging(["Content-Type": type, "Connection": "close"]) { first, _ in first }
      .map { "\($0): \($1)\r\n" }
    return Data("HTTP/1.1 \(status) X\r\n\(lines.joined())\r\n".utf8)
  }
}

#if canImport(Glibc)
  private let streamSocket = Int32(SOCK_STREAM.rawValue)
  private let noSignal = Int32(MSG_NOSIGNAL)
#else
  private let streamSocket = SOCK_STREAM
  private let noSignal: Int32 = 0
#endif

private func listen() throws -> (socket: Int32, port: UInt16) {
  let listener = socket(AF_INET, streamSocket, 0)
  var address = sockaddr_in()
  address.sin_family = sa_family_t(AF_INET)
  address.sin_addr.s_addr = UInt32(0x7f00_0001).bigEndian
  var size = socklen_t(MemoryLayout<sockaddr_in>.size)
  let done = withUnsafeMutablePointer(to: &address) {
    $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
      bind(listener, $0, size) == 0 && listen(listener, 64) == 0
        && getsockname(listener, $0, &size) == 0
    }
  }
  guard listener >= 0, done else { throw TestFailure("no socket: \(errno)") }
  #if !canImport(Glibc)
    signal(SIGPIPE, SIG_IGN)
  #endif
  return (listener, UInt16(bigEndian: address.sin_port))
}

/// Reads a request with its body, and returns its head.
private func readRequest(_ client: Int32) -> String? {
  var received = Data()
  var buffer = [UInt8](repeating: 0, count: 16 << 10)
  while true {
    if let end = received.range(of: Data("\r\n\r\n".utf8)) {
      let head = String(decoding: received[..<end.lowerBound], as: UTF8.self)
      let length = head.lowercased().components(separatedBy: "\r\ncontent-length: ").dropFirst()
        .first
        .flatMap { Int($0.prefix { $0.isNumber }) }
      if received.count - end.upperBound >= length ?? 0 { return head }
    }
    let count = recv(client, &buffer, buffer.count, 0)
    guard count > 0 else { return nil }
    received += buffer[..<count]
  }
}

private func send(_ data: Data, to client: Int32) -> Bool {
  var sent = 0
  while sent < data.count {
    let count = data.withUnsafeBytes {
      send(client, $0.baseAddress! + sent, data.count - sent, noSignal)
    }
    guard count > 0 else { return false }
    sent += count
  }
  return true
}

/// A gzip stream of zeros without an end. Every 13 bytes of `part` unpack to 2064.
func endlessGzip() -> (begin: Data, part: Data) {
  var bits: [UInt8] = [0, 1, 0]  // not the last block; fixed codes, RFC 1951 section 3.2.6
  bits += [0, 0, 1, 1, 0, 0, 0, 0]  // a zero byte
  for _ in 0..<(8 * 1000) {
    bits += [1, 1, 0, 0, 0, 1, 0, 1]  // 258 bytes again,
    bits += [0, 0, 0, 0, 0]  // from a distance of 1
  }
  var bytes = Data()
  for start in stride(from: 0, to: bits.count - 7, by: 8) {
    var byte: UInt8 = 0
    for i in 0..<8 { byte |= bits[start + i] << UInt8(i) }
    bytes.append(byte)
  }
  let header = Data([0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255])
  let begin = bytes.prefix(2)
  let part = bytes.dropFirst(2).prefix(13 * 900)
  return (header + begin, Data(part))
}

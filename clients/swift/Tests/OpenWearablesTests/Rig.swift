import Foundation
import XCTest

@testable import OpenWearables

#if canImport(FoundationNetworking)
  import FoundationNetworking
#endif

/// A real server on a loopback address, its first developer, and fault proxies before it.
/// TEST_BINARIES is the folder of the binaries that clients/swift/test.sh builds.
final class Rig: Sendable {
  static let shared: Rig = {
    do { return try Rig() } catch { fatalError("the rig does not start: \(error)") }
  }()

  let url: URL
  let email = "dev@example.com"
  let password: String
  let folder: URL
  let developer: Client
  private let binaries: URL

  private init() throws {
    guard let path = ProcessInfo.processInfo.environment["TEST_BINARIES"] else {
      throw Failure("TEST_BINARIES is not set: run clients/swift/test.sh")
    }
    binaries = URL(fileURLWithPath: path)
    folder = FileManager.default.temporaryDirectory.appendingPathComponent("ow-\(randomKey())")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    password = "Q" + randomKey()
    let database = "sqlite:\(folder.path)/test.db"
    let server = binaries.appendingPathComponent("openwearables")
    let create = Child(
      server, ["developer", "create", "--database", database, "--email", email, "--password-stdin"])
    try create.start()
    create.write(password + "\n")
    create.closeInput()
    guard create.wait() == 0 else { throw Failure("no developer was made") }
    let limits = [
      "key", "developer", "user", "address", "login", "login-account", "refresh",
      "refresh-session", "exchange", "exchange-user", "exchange-refused",
    ]
    let port = try freePort()
    // The shell ends the server when its standard input does, whatever ends this process.
    let serve = Child(
      URL(fileURLWithPath: "/bin/sh"),
      [
        "-c", "\"$@\" & pid=$!; cat >/dev/null; kill $pid; wait $pid", "sh", server.path, "serve",
        "--addr", "127.0.0.1:\(port)", "--database", database, "--log-level", "error",
      ] + limits.map { "--limit-\($0)=1000000" })
    try serve.start()
    _ = serve.line()
    children.with { $0.append(serve) }
    url = URL(string: "http://127.0.0.1:\(port)")!
    let password = password
    developer = Client(UserSession.developer(baseURL: url, email: email) { password })
  }

  /// Starts a fault proxy before the server.
  func proxy() throws -> Proxy {
    let child = Child(
      binaries.appendingPathComponent("faultproxy"), ["-target", url.absoluteString])
    try child.start()
    guard let url = URL(string: child.line()) else { throw Failure("the proxy says no URL") }
    return Proxy(url: url, child: child)
  }

  /// Makes a user with a session of its own.
  func person() async throws -> Person {
    let user = try await developer.users.create(
      CreateUserRequest(externalUserID: "u-\(randomKey())"))
    return Person(id: user.id, tokens: try await developer.tokens.create(userID: user.id))
  }

  /// A client of the real server that holds an access token and nothing else.
  func direct(_ access: String) throws -> Client {
    try Client(baseURL: url, .key(access), .init())
  }
}

struct Person: Sendable {
  let id: String
  let tokens: SessionTokens
}

struct Failure: Error, CustomStringConvertible {
  let description: String
  init(_ description: String) { self.description = description }
}

private let children = Locked<[Child]>([])

private func freePort() throws -> UInt16 {
  #if canImport(Glibc)
    let kind = Int32(SOCK_STREAM.rawValue)
  #else
    let kind = SOCK_STREAM
  #endif
  let file = socket(AF_INET, kind, 0)
  defer { close(file) }
  var address = sockaddr_in()
  address.sin_family = sa_family_t(AF_INET)
  address.sin_addr.s_addr = in_addr_t(0x7f00_0001).bigEndian
  var size = socklen_t(MemoryLayout<sockaddr_in>.size)
  let failed = withUnsafeMutablePointer(to: &address) {
    $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
      bind(file, $0, size) != 0 || getsockname(file, $0, &size) != 0
    }
  }
  guard !failed else { throw Failure("no port is free") }
  return UInt16(bigEndian: address.sin_port)
}

/// A process with its standard input and output. `@unchecked Sendable` because its user
/// is one task at a time.
final class Child: @unchecked Sendable {
  let process = Process()
  private let input = Pipe()
  private let output = Pipe()
  private var rest = Data()

  init(_ program: URL, _ arguments: [String] = []) {
    process.executableURL = program
    process.arguments = arguments
    process.standardInput = input
    process.standardOutput = output
  }

  func start() throws { try process.run() }

  func write(_ text: String) { try? input.fileHandleForWriting.write(contentsOf: Data(text.utf8)) }

  func closeInput() { try? input.fileHandleForWriting.close() }

  /// The next line of its output, "" at the end.
  func line() -> String {
    while true {
      if let end = rest.firstIndex(of: 10) {
        defer { rest = Data(rest[(end + 1)...]) }
        return String(decoding: rest[..<end], as: UTF8.self)
      }
      let more = output.fileHandleForReading.availableData
      if more.isEmpty { return "" }
      rest += more
    }
  }

  func wait() -> Int32 {
    process.waitUntilExit()
    return process.terminationStatus
  }

  func kill() {
    #if canImport(Glibc)
      Glibc.kill(process.processIdentifier, SIGKILL)
    #else
      Darwin.kill(process.processIdentifier, SIGKILL)
    #endif
    process.waitUntilExit()
  }
}

/// A fault proxy, told over HTTP what to break.
final class Proxy: Sendable {
  let url: URL
  private let child: Child

  init(url: URL, child: Child) {
    self.url = url
    self.child = child
  }

  deinit { child.closeInput() }

  var base: String { url.absoluteString }

  struct Report: Decodable, Sendable {
    struct Seen: Decodable, Sendable {
      let method: String
      let status: Int
      let key: String
      let token: String
      let atMs: Int
    }
    var requests: [String: Int]
    let rotated: Int
    let held: Int
    let log: [Seen]?
    var refreshes: Int { requests["RefreshToken"] ?? 0 }
  }

  func report() async throws -> Report {
    let decoder = JSONDecoder()
    decoder.keyDecodingStrategy = .convertFromSnakeCase
    return try decoder.decode(Report.self, from: try await control("GET", ""))
  }

  func rules(_ rules: JSON) async throws {
    _ = try await control("POST", "/rules", try JSONEncoder().encode(rules))
  }

  func release() async throws { _ = try await control("POST", "/release") }

  func reset() async throws { _ = try await control("POST", "/reset") }

  private func control(_ method: String, _ path: String, _ body: Data? = nil) async throws -> Data {
    var request = URLRequest(url: URL(string: "\(base)/__faults\(path)")!)
    request.httpMethod = method
    request.httpBody = body
    return try await SystemWire().send(request, by: Deadline(in: 20)).body
  }
}

/// Any JSON value.
enum JSON: Codable, Sendable, ExpressibleByStringLiteral, ExpressibleByIntegerLiteral,
  ExpressibleByArrayLiteral, ExpressibleByDictionaryLiteral
{
  case null
  case bool(Bool)
  case number(Double)
  case string(String)
  case array([JSON])
  case object([String: JSON])

  init(stringLiteral value: String) { self = .string(value) }
  init(integerLiteral value: Int) { self = .number(Double(value)) }
  init(arrayLiteral elements: JSON...) { self = .array(elements) }
  init(dictionaryLiteral elements: (String, JSON)...) {
    self = .object(Dictionary(uniqueKeysWithValues: elements))
  }

  init(from decoder: any Decoder) throws {
    let value = try decoder.singleValueContainer()
    if value.decodeNil() {
      self = .null
    } else if let b = try? value.decode(Bool.self) {
      self = .bool(b)
    } else if let n = try? value.decode(Double.self) {
      self = .number(n)
    } else if let s = try? value.decode(String.self) {
      self = .string(s)
    } else if let a = try? value.decode([JSON].self) {
      self = .array(a)
    } else {
      self = .object(try value.decode([String: JSON].self))
    }
  }

  func encode(to encoder: any Encoder) throws {
    var value = encoder.singleValueContainer()
    switch self {
    case .null: try value.encodeNil()
    case .bool(let b): try value.encode(b)
    case .number(let n) where n == n.rounded(): try value.encode(Int(n))
    case .number(let n): try value.encode(n)
    case .string(let s): try value.encode(s)
    case .array(let a): try value.encode(a)
    case .object(let o): try value.encode(o)
    }
  }
}

/// A session as a store holds it, of a given age.
func storedRecord(_ base: String, _ tokens: SessionTokens, _ age: String) throws -> Data {
  let ttl = tokens.expiresIn
  let ages = ["fresh": 0, "expiring": ttl - 40, "expired": ttl + 60]
  let gone = ages[age] ?? 0
  let saved = Date().timeIntervalSince1970 - gone
  let record = Record(
    version: 1, base: base, id: "seed" + randomKey(), access: tokens.accessToken.reveal(),
    refresh: tokens.refreshToken?.reveal(), retryKey: randomKey(), ttl: Int64(ttl),
    expires: Int64((saved + ttl) * 1000), saved: Int64(saved * 1000), skew: 0)
  return try JSONEncoder().encode(record)
}

/// A memory store that holds a session of a given age.
func seeded(_ base: String, _ tokens: SessionTokens, _ age: String) async throws -> MemoryStore {
  let store = MemoryStore()
  let saved = await store.save(try storedRecord(base, tokens, age), replacing: nil)
  XCTAssertTrue(saved)
  return store
}

/// Waits until something holds, for at most ten seconds.
func eventually(_ what: String, _ holds: () async throws -> Bool) async throws {
  let end = Deadline(in: 10)
  while !(try await holds()) {
    guard end.left > 0 else { throw Failure("not within 10 s: \(what)") }
    await pause(0.01)
  }
}

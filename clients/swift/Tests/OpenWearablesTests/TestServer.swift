import Foundation

@testable import OpenWearables

/// A real server on a loopback address, its first developer, and fault proxies in front of
/// it. TEST_BINARIES is the folder of the binaries that clients/swift/test.sh builds.
final class TestServer: Sendable {
  static let shared: TestServer = {
    do { return try TestServer() } catch { fatalError("the test server does not start: \(error)") }
  }()

  let url: URL
  let email = "dev@example.com"
  let password: String
  let folder: URL
  let developer: OpenWearablesClient
  private let binaries: URL

  private init() throws {
    guard let path = ProcessInfo.processInfo.environment["TEST_BINARIES"] else {
      throw TestFailure("TEST_BINARIES is not set: run clients/swift/test.sh")
    }
    binaries = URL(fileURLWithPath: path)
    folder = FileManager.default.temporaryDirectory.appendingPathComponent("ow-\(randomKey())")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    password = "Q" + randomKey()
    let database = "sqlite:\(folder.path)/test.db"
    let program = binaries.appendingPathComponent("openwearables")
    let create = ChildProcess(
      program,
      ["developer", "create", "--database", database, "--email", email, "--password-stdin"])
    try create.start()
    create.write(password + "\n")
    create.closeInput()
    guard try create.wait() == 0 else { throw TestFailure("no developer was made") }
    let serve = try Self.serve(program, database)
    let greeting = try serve.readLine()
    let address = greeting.split(separator: " ").first { $0.hasPrefix("http://") }
    guard let url = address.flatMap({ URL(string: String($0)) }) else {
      throw TestFailure("the server does not say where it listens: \(greeting)")
    }
    self.url = url
    let password = password
    developer = OpenWearablesClient(UserSession.developer(baseURL: url, email: email) { password })
  }

  private static func serve(_ program: URL, _ database: String) throws -> ChildProcess {
    let limits = [
      "key", "developer", "user", "address", "login", "login-account", "refresh",
      "refresh-session", "exchange", "exchange-user", "exchange-refused",
      "verify", "verify-refused", "ingest", "public", "pairing", "pairings",
    ]
    // The shell ends the server when its standard input ends, however this process ends.
    let serve = ChildProcess(
      URL(fileURLWithPath: "/bin/sh"),
      [
        "-c", "\"$@\" & pid=$!; cat >/dev/null; kill $pid; wait $pid", "sh", program.path, "serve",
        "--addr", "127.0.0.1:0", "--database", database, "--log-level", "error",
        "--alert-interval", "200ms", "--webhook-allow-private-networks",
      ] + limits.map { "--limit-\($0)=1000000" })
    try serve.start()
    children.with { $0.append(serve) }
    return serve
  }

  /// Starts another server, which has no developer, and returns its base URL and setup token.
  func empty() throws -> (url: URL, token: Secret) {
    let database = "sqlite:\(folder.path)/\(randomKey()).db"
    let serve = try Self.serve(binaries.appendingPathComponent("openwearables"), database)
    while true {
      let line = try serve.readLine()
      if line.isEmpty { throw TestFailure("the server says no setup address") }
      let word = line.split(separator: " ").first { $0.contains("/setup#") } ?? ""
      let parts = word.components(separatedBy: "/setup#")
      if parts.count == 2, let url = URL(string: parts[0]) { return (url, Secret(parts[1])) }
    }
  }

  /// Starts a fault proxy in front of the server.
  func proxy() throws -> FaultProxy {
    let child = ChildProcess(
      binaries.appendingPathComponent("faultproxy"), ["-target", url.absoluteString])
    try child.start()
    guard let url = URL(string: try child.readLine()) else {
      throw TestFailure("the proxy says no URL")
    }
    return FaultProxy(url: url, child: child)
  }

  /// Creates a user with a session.
  func newPerson() async throws -> Person {
    let user = try await developer.users.create(
      CreateUserRequest(externalUserID: "u-\(randomKey())"))
    return Person(id: user.id, tokens: try await developer.tokens.create(userID: user.id))
  }

  /// Returns a client of the real server with an access token that is not renewed.
  func client(accessToken access: String) throws -> OpenWearablesClient {
    try OpenWearablesClient(baseURL: url, .key(Secret(access)), .init())
  }
}

private let children = Locked<[ChildProcess]>([])

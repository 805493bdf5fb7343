import Foundation
import OpenWearablesServer
import XCTest

@testable import OpenWearables

/// Arguments and options that are refused before anything is sent.
final class ArgumentTests: XCTestCase {
  private enum Reach: Int { case never, insecure, always }

  /// Plain http reaches this machine, with the option private networks too, and never
  /// anything else.
  func testPlainHTTPStaysInPrivateNetworks() throws {
    let hosts: [(Reach, [String])] = [
      (
        .always,
        [
          "localhost", "LocalHost:8000", "127.0.0.1", "127.9.9.9:1", "[::1]", "[::1]:1",
          "[::ffff:127.0.0.1]", "[::ffff:7f00:1]:8000", "127.0.0.1:8000/x/",
        ]
      ),
      (
        .insecure,
        [
          "10.1.2.3", "172.16.0.1", "172.31.255.255", "192.168.1.2:8000", "[::ffff:10.0.0.1]",
          "[fd00::1]", "[fc00::1]:80", "[fe80::1]", "[fe80::1%25eth0]:80", "x_y-z.local",
          "169.254.1.1", "openwearables", "api:8000",
          "Api.Default.SVC", "api.default.svc.cluster.local", "printer.local", "api.internal",
          "api.internal.", "api.svc.", "x0", "localhost.", "internal",
        ]
      ),
      (
        .never,
        [
          "172.32.0.1", "172.15.0.1", "11.0.0.1", "8.8.8.8", "[2001:db8::1]", "[::ffff:8.8.8.8]",
          "[fec0::1]", "0.0.0.0", "[::]", "api.example.com", "local.example.com",
          "api.internal.example.com", "api.notlocal", "134744072", "0x08080808", "010", "08",
          "8.8.2056", "10.1", "010.0.0.1", "localhost.example.com", "127.0.0.1.evil.example",
          "evil.example%2F.local", "evil.example%3F.local", "evil.example%23.local",
          "evil.example%40.local", "evil.example%5C.local", "evil.example%252F.local",
          "evil.example%00.local", "a%2Elocal", "a;b.local", "[fe80::1%25a%2Fb]",
        ]
      ),
    ]
    for (reach, hosts) in hosts {
      for host in hosts {
        let url = try XCTUnwrap(URL(string: "http://\(host)"), host)
        let plain = baseResult(url)
        let allowed = baseResult(url, true)
        for (result, isAllowed) in [(plain, reach == .always), (allowed, reach != .never)] {
          switch result {
          case .success: XCTAssertTrue(isAllowed, host)
          case .failure(let error):
            XCTAssertFalse(isAllowed, "\(host): \(error)")
            XCTAssertTrue(error.isInvalid && error.message.contains("https://"), "\(error)")
            XCTAssertEqual(error.fields.map(\.field), ["baseURL"])
          }
        }
      }
    }
  }

  /// Credentials go to the host that the URL shows, also over https.
  func testHostIsSentAsItIsWritten() throws {
    for (text, origin) in [
      ("https://API.Example.com:8443/x/", "https://api.example.com:8443/x"),
      ("https://b\u{fc}cher.example", "https://xn--bcher-kva.example"),
      ("https://xn--bcher-kva.example/", "https://xn--bcher-kva.example"),
      ("http://[::1]:80", "http://[::1]:80"),
    ] {
      XCTAssertEqual(try baseResult(try XCTUnwrap(URL(string: text))).get().string, origin)
    }
    for host in ["api.example.com%2F", "evil.example%2F.example.com", "a%40b", "a%3Fb", "a%23b"] {
      let url = try XCTUnwrap(URL(string: "https://\(host)"))
      XCTAssertThrowsError(try baseResult(url).get(), host)
    }
  }

  /// Everything that takes a base URL has the option.
  func testOptionReachesAPrivateNetwork() async throws {
    let url = try XCTUnwrap(URL(string: "http://openwearables.internal:1"))
    XCTAssertThrowsError(try OpenWearablesClient(baseURL: url))
    let options = OpenWearablesClient.Options(
      timeout: 1, retries: 0, allowInsecurePrivateNetwork: true)
    let client = try OpenWearablesClient(baseURL: url, options: options)
    let session = UserSession(baseURL: url, allowInsecurePrivateNetwork: true)
    _ = try AppCredentials(
      baseURL: url, appID: "app_x", appSecret: "secret_x", allowInsecurePrivateNetwork: true)
    do {
      _ = try await client.users.get("u")
      XCTFail("it succeeded")
    } catch { XCTAssertTrue(error.isOffline || error.isTimeout, "\(error)") }
    do {
      _ = try await session.accessToken()
      XCTFail("it has a token")
    } catch { XCTAssertEqual(error.reason, .signedOut) }
  }

  /// What cannot be sent is refused with its field.
  func testWrongArgumentIsNamedAndNotSent() async throws {
    let server = try HostileServer(text: "{}")
    let client = try OpenWearablesClient(baseURL: server.url, .key(Secret("ow_test_k")), .init())
    let bounded = try OpenWearablesClient(baseURL: server.url, .none, .init(maxResponseBytes: 0))
    let good = WorkoutInput(defaults: ())
    let bad = WorkoutInput(
      externalID: "w", type: "running", startTime: Date(),
      endTime: Date(timeIntervalSince1970: 253_402_300_800), source: WorkoutSource(provider: "p"))
    let start = Date()
    let calls: [(String, @Sendable () async throws -> Void)] = [
      ("overlap", { _ = try await client.keys.rotate("k", overlap: -1) }),
      ("overlap", { _ = try await client.keys.rotate("k", overlap: .nan) }),
      ("overlap", { _ = try await client.applications.rotateSecret("a", overlap: .infinity) }),
      ("maxResponseBytes", { _ = try await bounded.users.get("u") }),
      (
        "workouts[1].end_time",
        {
          _ = try await client.workouts.upsert(
            userID: "u", [good, bad])
        }
      ),
      (
        "from",
        {
          let none = Date(timeIntervalSinceReferenceDate: .nan)
          for try await _ in client.workouts.list(userID: "u", from: none, to: start) {}
        }
      ),
      ("to", { _ = try await client.usage.account(to: Date(timeIntervalSince1970: .infinity)) }),
      (
        "headers",
        {
          _ = try await client.users.rpc.getUser(
            GetUserRequest(id: "u"), options: CallOptions(headers: ["X-One": "\n"]))
        }
      ),
    ]
    let timeouts: [(String, @Sendable () async throws -> Void)] = [0, -1, .nan].map { seconds in
      (
        "timeout",
        {
          _ = try await client.users.rpc.getUser(
            GetUserRequest(id: "u"), options: CallOptions(timeout: seconds))
        }
      )
    }
    for (field, call) in calls + timeouts {
      do {
        try await call()
        XCTFail("\(field) was taken")
      } catch let error as APIError {
        XCTAssertTrue(error.isInvalid, "\(field): \(error)")
        XCTAssertEqual(error.fields.map(\.field), [field])
        let told = error.description.components(separatedBy: error.fields.first?.message ?? "")
        XCTAssertEqual(told.count, 2, "\(error) tells it twice")
      }
    }
    XCTAssertEqual(server.requests, [])
    let endless = SessionTokens(accessToken: Secret("a"), expiresIn: .infinity)
    let json = String(decoding: try JSONEncoder().encode(endless.exposed), as: UTF8.self)
    XCTAssertTrue(json.contains("1000000000"), json)
  }

  /// The server refuses headers that are too large, and the error says so.
  func testTooLargeHeaderIsInvalid() async throws {
    let client = try OpenWearablesClient(baseURL: TestServer.shared.url)
    let options = CallOptions(headers: ["x-trace": String(repeating: "x", count: 20 << 10)])
    do {
      _ = try await client.users.get("u", options: options)
      XCTFail("it was taken")
    } catch {
      XCTAssertTrue(error.isInvalid, "\(error)")
      XCTAssertEqual(error.reason, "header_too_large")
    }
  }

  /// A base URL with a path that is not the API's says what it should be.
  func testBaseURLWithAPathSaysWhatItShouldBe() async throws {
    let real = TestServer.shared.url
    for (path, right) in [
      ("/api/v1", ""), ("/api/v1/", ""), ("/somewhere", ""), ("/ow/api", "/ow"),
    ] {
      let client = try OpenWearablesClient(
        baseURL: try XCTUnwrap(URL(string: "\(real)\(path)")), .none, .init(retries: 0))
      do {
        _ = try await client.users.get("u")
        XCTFail("\(path): it is there")
      } catch {
        let ends = path.hasSuffix("/") ? String(path.dropLast()) : path
        XCTAssertTrue(
          error.message.contains("ends in \(ends): it should be \(real)\(right),"), error.message)
        XCTAssertFalse(error.message.hasPrefix(";"), error.message)
      }
    }
  }
}

import Foundation
import OpenWearables
import XCTest

/// No way to show a value shows its secrets.
final class RedactionTests: XCTestCase {
  private let secret = "s3cr" + String(UInt64.random(in: 1 << 50..<1 << 60))
  private let pin = Int.random(in: 1_000_000_000..<2_000_000_000)

  private var credentials: Credentials {
    Credentials(
      userName: "ada", password: secret, refreshToken: secret, signingMaterial: Data(secret.utf8),
      codes: [secret], answers: [secret: secret],
      parent: Credentials(userName: "grace" + secret, password: secret, keyPrefix: ""),
      keyPrefix: "ow_live_a1b2",
      proof: .appSecret(secret), tree: Tree(name: "oak"))
  }

  func testNothingShowsASecret() {
    var withPin = credentials
    withPin.proof = .pin(pin)
    let values: [Any] = [
      credentials, withPin, credentials as Any? as Any, [credentials], ["a": credentials],
      Credentials.Proof.appSecret(secret), Credentials.Proof.pin(pin),
      Envelope(credentials: credentials), Envelope(list: [credentials, withPin]),
      Envelope(map: ["a": credentials]), Envelope(kind: .chosen(withPin)),
      Response(body: credentials, headers: ["set-cookie": secret]),
      Response(body: Envelope(kind: .chosen(withPin))),
      CallOptions(headers: ["authorization": secret]),
      TokenPair(accessToken: secret, tokenType: "", refreshToken: secret),
      LoginRequest(email: "", password: secret),
      LoginResponse(tokens: TokenPair(accessToken: secret, tokenType: "", refreshToken: secret)),
      RefreshTokenRequest(refreshToken: secret),
      RefreshTokenResponse(tokens: TokenPair(accessToken: secret, tokenType: "")),
      RevokeTokenRequest(refreshToken: secret),
      CreateKeyResponse(key: Key(defaults: ()), secret: secret),
      RotateKeyResponse(key: Key(defaults: ()), secret: secret),
      CreateApplicationResponse(application: Application(defaults: ()), appSecret: secret),
      RotateApplicationSecretResponse(application: Application(defaults: ()), appSecret: secret),
      CreateUserTokenRequest(userID: "", appID: "", appSecret: secret),
      CreateUserTokenResponse(tokens: TokenPair(accessToken: secret, tokenType: "")),
      ChangePasswordRequest(
        currentPassword: secret, newPassword: secret, confirmPassword: secret),
      UpdateMeRequest(currentPassword: secret),
    ]
    let bytes = Array(secret.utf8).prefix(4).map(String.init).joined(separator: ", ")
    for value in values {
      for (way, text) in shown(value) {
        for hidden in [secret, String(pin), bytes, Data(secret.utf8).base64EncodedString()] {
          XCTAssertFalse(text.contains(hidden), "\(way) of \(type(of: value))")
        }
      }
    }
  }

  func testOtherFieldsAreShown() {
    for (way, text) in shown(credentials) {
      for part in ["ada", "ow_live_a1b2", "[redacted]", "oak", "refreshToken"] {
        XCTAssert(text.contains(part), "\(way) lacks \(part): \(text)")
      }
    }
    XCTAssertEqual(
      "\(TokenPair(accessToken: secret, tokenType: "bearer", expiresIn: 60))",
      #"TokenPair(accessToken: [redacted], tokenType: "bearer", refreshToken: nil, expiresIn: 60)"#)
  }

  /// A secret is hidden when shown, but not when encoded.
  func testSecretsAreEncoded() throws {
    let json = String(decoding: try credentials.jsonUTF8(), as: UTF8.self)
    XCTAssertTrue(json.contains(#""password":"\#(secret)""#))
    XCTAssertEqual(try Credentials(jsonUTF8: Data(json.utf8)), credentials)
  }

  private func shown(_ value: Any) -> [(String, String)] {
    var printed = ""
    print(value, to: &printed)
    var debugged = ""
    debugPrint(value, to: &debugged)
    var dumped = ""
    dump(value, to: &dumped)
    return [
      ("print", printed), ("debugPrint", debugged), ("dump", dumped), ("interpolation", "\(value)"),
      ("describing", String(describing: value)), ("reflecting", String(reflecting: value)),
      ("mirror", mirrored(value)), ("optional", "\(Optional(value) as Any)"),
      ("format", String(format: "%@", String(describing: value))),
    ]
  }

  /// Returns all leaves that reflection reaches.
  private func mirrored(_ value: Any) -> String {
    let mirror = Mirror(reflecting: value)
    guard !mirror.children.isEmpty else { return "\(value)" }
    return mirror.children.map { "\($0.label ?? ""): \(mirrored($0.value))" }
      .joined(separator: "; ")
  }
}

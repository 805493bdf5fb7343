import Foundation
import OpenWearables
import XCTest

final class ReasonTests: XCTestCase {
  /// Every reason that the schema names as one of its codes has a constant.
  func testTheReasonsOfTheSchemaHaveConstants() throws {
    let folder = URL(fileURLWithPath: #filePath)
      .appendingPathComponent("../../../../../schema/openwearables/v1").standardizedFileURL
    let known: Set<APIError.Reason> = [
      .missingCredential, .missingCredentials, .multipleCredentials, .invalidAPIKey,
      .invalidToken, .tokenExpired, .invalidCredentials, .invalidAppCredentials,
      .incorrectPassword, .credentialNotAllowed, .insufficientScope, .otherUser,
      .invalidSetupToken, .lastDeveloper, .developerExists, .invitationPending,
      .invitationAccepted, .invitationRevoked, .invitationExpired, .quotaExceeded,
      .networkNotAllowed, .keyInBrowser, .testInProgress, .crossOrigin,
      .upstreamRefused, .userNotUpstream, .workoutsUpstream,
      .invalidRequest, .notFound, .emailTaken,
      .externalUserIDTaken, .rateLimited, .unavailable, .internal,
    ]
    var found: Set<APIError.Reason> = []
    for name in try FileManager.default.contentsOfDirectory(atPath: folder.path) {
      let text = try String(contentsOf: folder.appendingPathComponent(name), encoding: .utf8)
        .replacingOccurrences(of: #"\n *// ?"#, with: " ", options: .regularExpression)
      for word in matches(of: #"\(`[a-z_]+`\)"#, in: text) {
        found.insert(
          .init(rawValue: word.trimmingCharacters(in: CharacterSet(charactersIn: "(`)"))))
      }
      let code = #"`[a-z_]+` \(((`[a-z_]+`(, | and )?)+)\)"#
      for list in matches(of: code, in: text) {
        for word in matches(of: "`[a-z_]+`", in: list).dropFirst() {
          found.insert(
            .init(rawValue: word.trimmingCharacters(in: CharacterSet(charactersIn: "`"))))
        }
      }
    }
    XCTAssertGreaterThan(found.count, 15)
    XCTAssertEqual(found.subtracting(known), [])
  }

  func testPeopleAreShownTheMessageAlone() {
    let error = APIError(.invalid, reason: .emailTaken, "another user has the email")
    XCTAssertEqual(error.localizedDescription, "another user has the email")
    XCTAssertEqual("\(error)", "another user has the email (email_taken)")
    XCTAssertEqual(error.code, .invalidArgument)
  }

  private func matches(of pattern: String, in text: String) -> [String] {
    var found: [String] = []
    var rest = text[...]
    while let range = rest.range(of: pattern, options: .regularExpression) {
      found.append(String(rest[range]))
      rest = rest[range.upperBound...]
    }
    return found
  }
}

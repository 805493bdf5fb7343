import Foundation
import OpenWearables
import XCTest

/// Alerts, webhooks, and what is new about keys and applications, at a real server.
final class AlertTests: XCTestCase {
  private let developer = TestServer.shared.developer

  func testAnAlertIsMutedAndAcknowledged() async throws {
    let made = try await developer.keys.create(CreateKeyRequest(name: "leaked"))
    try await developer.audit.reportCredential(made.secret)
    let about = ListAlertsRequest(subject: "key:\(made.key.id)", limit: 1)
    var found: [Alert] = []
    try await eventually("the alert of the leak") {
      found = try await self.developer.alerts.list(about).collect()
      return !found.isEmpty
    }
    let alert = try XCTUnwrap(found.first)
    XCTAssertEqual(alert.rule, "leak_reported")
    XCTAssertNotEqual(alert.message, "")
    let until = Date(timeIntervalSince1970: (Date().timeIntervalSince1970 + 3600).rounded())
    let muted = try await developer.alerts.mute(alert.id, until: until)
    XCTAssertEqual(muted.mutedUntil, until)
    let (rules, mutes) = try await developer.alerts.rules()
    XCTAssertTrue(rules.contains { $0.rule == "volume" }, "\(rules)")
    XCTAssertEqual(mutes.map(\.subject), ["key:\(made.key.id)"])
    let heard = try await developer.alerts.unmute(alert.id)
    XCTAssertNil(heard.mutedUntil)
    let seen = try await developer.alerts.acknowledge(alert.id)
    XCTAssertNotNil(seen.resolvedAt)
    XCTAssertNotNil(seen.acknowledgedBy)

    let changed = try await developer.alerts.updateRule(
      UpdateAlertRuleRequest(
        rule: "volume", thresholds: [AlertThresholdInput(name: "factor", value: 7)]))
    XCTAssertEqual(changed.thresholds.first { $0.name == "factor" }?.value, 7)
    do {
      try await developer.alerts.acknowledge(UUID().uuidString.lowercased())
      XCTFail("there is an alert")
    } catch { XCTAssertTrue(error.isNotFound, "\(error)") }
    do {
      try await developer.alerts.mute(alert.id, until: Date(timeIntervalSince1970: .nan))
      XCTFail("it is muted")
    } catch { XCTAssertEqual(error.fields.map(\.field), ["until"]) }
  }

  /// Nothing listens at the endpoint.
  func testAWebhookIsTested() async throws {
    let webhooks = developer.webhooks
    let (made, secret) = try await webhooks.create(
      CreateWebhookEndpointRequest(url: "http://127.0.0.1:9/hook", kinds: [.alertOpened]))
    XCTAssertTrue(secret.reveal().hasPrefix("whsec_"))
    let rotated = try await webhooks.rotate(made.id, overlap: 60)
    XCTAssertNotEqual(rotated.secret, secret)
    XCTAssertNotNil(rotated.endpoint.previousExpiresAt)
    let delivery = try await webhooks.test(made.id)
    XCTAssertEqual(delivery.attempts, 1)
    XCTAssertNotNil(delivery.lastError)
    let listed = try await webhooks.deliveries(made.id).collect()
    // An alert of another test may have been sent to it too.
    XCTAssertTrue(listed.map(\.id).contains(delivery.id), "\(listed)")
    let changed = try await webhooks.update(
      UpdateWebhookEndpointRequest(id: made.id, enabled: false))
    XCTAssertFalse(changed.enabled)
    let got = try await webhooks.get(made.id)
    XCTAssertEqual(got, changed)
    let all = try await webhooks.list()
    XCTAssertEqual(all, [changed])
    try await webhooks.delete(made.id)
    do {
      _ = try await webhooks.get(made.id)
      XCTFail("it is there")
    } catch { XCTAssertTrue(error.isNotFound, "\(error)") }
  }

  func testARotationIsFinished() async throws {
    let url = TestServer.shared.url
    let key = try await developer.keys.create(CreateKeyRequest(name: "rotated"))
    let rotated = try await developer.keys.rotate(key.key.id, overlap: 600)
    XCTAssertNotNil(rotated.key.overlap)
    let old = try OpenWearablesClient(baseURL: url, apiKey: key.secret.reveal())
    _ = try await old.users.list(ListUsersRequest(limit: 1)).page(at: nil)
    let finished = try await developer.keys.finishRotation(key.key.id)
    XCTAssertNil(finished.overlap)
    do {
      _ = try await old.users.list(ListUsersRequest(limit: 1)).page(at: nil)
      XCTFail("the old secret works")
    } catch { XCTAssertTrue(error.isUnauthenticated, "\(error)") }

    let app = try await developer.applications.create(name: "rotated").application.appID
    let turned = try await developer.applications.rotateSecret(app, overlap: 600)
    XCTAssertNotNil(turned.application.overlap)
    let ended = try await developer.applications.finishRotation(app)
    XCTAssertNil(ended.overlap)
  }

  func testAKeyIsBoundToNetworks() async throws {
    let bound = try await developer.keys.create(
      CreateKeyRequest(name: "bound", allowedNetworks: ["192.0.2.7"]))
    XCTAssertEqual(bound.key.allowedNetworks, ["192.0.2.7/32"])
    let client = try OpenWearablesClient(
      baseURL: TestServer.shared.url, apiKey: bound.secret.reveal())
    do {
      _ = try await client.users.list().page(at: nil)
      XCTFail("it works here")
    } catch { XCTAssertEqual(error.reason, .networkNotAllowed, "\(error)") }
    let wider = try await developer.keys.update(
      UpdateKeyRequest(id: bound.key.id, allowedNetworks: ["198.51.100.0/24"]))
    XCTAssertEqual(wider.allowedNetworks, ["198.51.100.0/24"])
    let everywhere = try await developer.keys.update(
      UpdateKeyRequest(id: bound.key.id, updateMask: ["allowed_networks"]))
    XCTAssertEqual(everywhere.allowedNetworks, [])
    _ = try await client.users.list().page(at: nil)
  }

  func testKeysAreListedByTheirState() async throws {
    let made = try await developer.keys.create(CreateKeyRequest(name: "off"))
    _ = try await developer.keys.update(UpdateKeyRequest(id: made.key.id, enabled: false))
    for (state, isIn) in [(ListKeysRequest.State.disabled, true), (.active, false)] {
      let keys = try await developer.keys.list(ListKeysRequest(state: state)).collect()
      XCTAssertEqual(keys.contains { $0.id == made.key.id }, isIn, "\(state)")
    }
  }
}

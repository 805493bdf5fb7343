import OpenWearables
import SwiftUI

/// The person who uses the app: your own login, and the session that comes with it.
///
/// `backend` is yours. `POST /login` checks the password and answers with a cookie; `POST
/// /ow-token` answers with the tokens of whoever has that cookie, as the README of the SDK says.
final class Account: Sendable {
  let session: UserSession
  let me: UserClient
  private let backend: URL

  init(backend: URL, openWearables: URL) {
    self.backend = backend
    session = UserSession(
      baseURL: openWearables, store: .keychain(service: "com.example.workouts")
    ) { _ in
      var request = URLRequest(url: backend.appendingPathComponent("ow-token"))
      request.httpMethod = "POST"
      let (data, response) = try await URLSession.shared.data(for: request)
      if (response as? HTTPURLResponse)?.statusCode == 401 { throw SignInRequired() }
      return try JSONDecoder().decode(SessionTokens.self, from: data)
    }
    me = UserClient(session)
  }

  /// Logs in at the backend, and then asks it for tokens.
  func logIn(email: String, password: String) async throws -> Bool {
    var request = URLRequest(url: backend.appendingPathComponent("login"))
    request.httpMethod = "POST"
    request.setValue("application/json", forHTTPHeaderField: "Content-Type")
    request.httpBody = try JSONEncoder().encode(["email": email, "password": password])
    let (_, response) = try await URLSession.shared.data(for: request)
    guard (response as? HTTPURLResponse)?.statusCode == 200 else { return false }
    return try await session.reload() == .signedIn
  }
}

import OpenWearables
import SwiftUI

/// The workouts of the last seven days, and what keeps them from being shown.
@MainActor
final class WeekModel: ObservableObject {
  @Published private(set) var workouts: [Workout] = []
  @Published private(set) var problem: String?
  @Published private(set) var needsLogin = false

  private let account: Account

  init(_ account: Account) { self.account = account }

  /// Loads again. With `userInitiated` a person has just asked for it.
  func load(userInitiated: Bool = false) async {
    let start = Date(timeIntervalSinceNow: -7 * 86_400)
    do {
      workouts = try await account.me.workouts.list(
        from: start, to: Date(), options: CallOptions(userInitiated: userInitiated)
      ).collect()
      (problem, needsLogin) = (nil, false)
    } catch {
      needsLogin = error.isUnauthenticated
      problem = error.message  // what is there stays there
    }
  }

  func logIn(email: String, password: String) async {
    do {
      needsLogin = try await !account.logIn(email: email, password: password)
      if needsLogin { problem = "The email or the password is wrong." } else { await load() }
    } catch { problem = error.localizedDescription }
  }

  func logOut() async {
    try? await account.session.signOut()  // without a network, behind a later call
    (workouts, needsLogin) = ([], true)
  }
}

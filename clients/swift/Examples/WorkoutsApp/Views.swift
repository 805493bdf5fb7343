import OpenWearables
import SwiftUI

struct WeekView: View {
  @ObservedObject var model: WeekModel

  var body: some View {
    List(model.workouts) { workout in
      VStack(alignment: .leading) {
        Text(workout.type)
        Text(workout.startTime.formatted())
      }
    }
    .navigationTitle(model.problem ?? "This week")
    .task { await model.load() }
    .refreshable { await model.load(userInitiated: true) }
  }
}

struct LoginView: View {
  @ObservedObject var model: WeekModel
  @State private var email = ""
  @State private var password = ""

  var body: some View {
    VStack(alignment: .leading) {
      TextField("Email", text: $email)
      SecureField("Password", text: $password)
      Button("Log in") { Task { await model.logIn(email: email, password: password) } }
      Text(model.problem ?? "")
    }
  }
}

struct RootView: View {
  @ObservedObject var model: WeekModel

  var body: some View {
    if model.needsLogin { LoginView(model: model) } else { WeekView(model: model) }
  }
}

struct WorkoutsApp: App {
  @StateObject private var model = WeekModel(
    Account(
      backend: URL(string: "https://shop.example.com")!,
      openWearables: URL(string: "https://api.example.com")!))

  var body: some Scene {
    WindowGroup { RootView(model: model) }
  }
}

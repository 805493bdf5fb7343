import Foundation
import OpenWearables

// Lists, imports and exports workouts with an API key: see the README of the examples.

struct Usage: Error, CustomStringConvertible {
  let description: String
}

let usage = Usage(
  description: """
    usage: workouts users
           workouts list USER_ID [DAYS]
           workouts import USER_ID < workouts.json
    """)

/// A workout of the file that is imported.
struct Line: Decodable {
  let id: String
  let type: String
  let start: Date
  let end: Date
  let meters: Double?
}

func users(_ ow: OpenWearablesClient) async throws {
  for try await user in ow.users.list() {
    print(user.id, user.email ?? user.externalUserID ?? "")
  }
}

func list(_ ow: OpenWearablesClient, of user: String, days: Double) async throws {
  let now = Date()
  let start = now.addingTimeInterval(-days * 86_400)
  for try await workout in ow.workouts.list(userID: user, from: start, to: now) {
    let distance = workout.distanceMeters.map { "\(Int($0)) m" } ?? ""
    print(workout.startTime.formatted(.iso8601), workout.type, distance)
  }
}

func importLines(_ ow: OpenWearablesClient, of user: String) async throws {
  let decoder = JSONDecoder()
  decoder.dateDecodingStrategy = .iso8601
  let lines = try decoder.decode([Line].self, from: FileHandle.standardInput.readDataToEndOfFile())
  let report = await ow.workouts.upsertAll(
    userID: user,
    lines.lazy.map { line in
      WorkoutInput(
        externalID: line.id, type: line.type, startTime: line.start, endTime: line.end,
        source: WorkoutSource(provider: "import"), distanceMeters: line.meters)
    })
  print("\(report.created) created, \(report.updated) updated, \(report.rejected.count) rejected")
  for item in report.rejected {
    if case .rejected(let field, let message) = item.outcome {
      print("  \(item.externalID): \(field) \(message)")
    }
  }
  try report.check()
}

do {
  let environment = ProcessInfo.processInfo.environment
  guard let url = URL(string: environment["OPENWEARABLES_BASE_URL"] ?? "") else {
    throw Usage(description: "set OPENWEARABLES_BASE_URL, such as http://localhost:8000")
  }
  let ow = try OpenWearablesClient(
    baseURL: url, apiKey: environment["OPENWEARABLES_API_KEY"] ?? "")
  let arguments = CommandLine.arguments.dropFirst()
  switch (arguments.first, arguments.dropFirst().first) {
  case ("users", nil): try await users(ow)
  case ("list", let user?):
    try await list(ow, of: user, days: arguments.dropFirst(2).first.flatMap(Double.init) ?? 28)
  case ("import", let user?): try await importLines(ow, of: user)
  default: throw usage
  }
} catch {
  FileHandle.standardError.write(Data("\(error)\n".utf8))
  exit(1)
}

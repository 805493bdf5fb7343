import Foundation

@testable import OpenWearables

/// Runs one scenario.
final class ScenarioRunner {
  private typealias Process = (clients: [OpenWearablesClient], session: UserSession?)

  /// Calls in the background.
  private struct Callers {
    let tasks: [Task<(any Error)?, Never>]
    let took: Task<TimeInterval, Never>
  }

  private let scenario: Scenario
  private let server: TestServer
  private let proxy: FaultProxy
  private let person, other: Person
  private let key: (key: Key, secret: Secret)?
  private let store: FaultyStore
  private let clock = TestClock()
  private let recorder = EventRecorder()
  private let provider: Locked<String?>
  private var processes: [Process] = []
  private var running: [String: Callers] = [:]
  private var errors: [any Error] = []
  private(set) var problems: [String] = []

  init(_ scenario: Scenario, _ server: TestServer) async throws {
    self.scenario = scenario
    self.server = server
    proxy = try server.proxy()
    person = try await server.newPerson()
    other = try await server.newPerson()
    let setup = scenario.setup
    key = setup?.credential == "api_key" ? try await server.developer.keys.create() : nil
    provider = Locked(setup?.provider)
    let path = server.folder.appendingPathComponent("\(randomKey())/session.json").path
    store = FaultyStore(setup?.store == "persistent" ? FileStore(path: path) : MemoryStore())
    let age = setup?.age ?? "fresh"
    if age != "absent" {
      let record = try storedRecord(proxy.base, person.tokens, age)
      guard try await store.inner.save(record, replacing: nil) else {
        throw TestFailure("not seeded")
      }
    }
    for _ in 0..<(setup?.processes ?? 1) { processes.append(try makeProcess()) }
    if let faults = scenario.faults { try await proxy.setRules(faults) }
  }

  /// The clients of one process, which shares only the store with the others.
  private func makeProcess() throws -> Process {
    let options = OpenWearablesClient.Options(retries: scenario.setup?.retry == false ? 0 : 2)
    if scenario.setup?.credential != nil, scenario.setup?.credential != "session" {
      let client =
        if let key {
          try OpenWearablesClient(baseURL: proxy.url, apiKey: key.secret.reveal(), options: options)
        } else { try OpenWearablesClient(baseURL: proxy.url, .none, options) }
      recorder.listen(client.events)
      return ([client], nil)
    }
    let core = Core()
    let sessions = (0..<(scenario.setup?.clients ?? 1)).map { _ in
      UserSession(
        baseURL: proxy.url, store: store, clock: clock.clock, core: core,
        provider: { _ in scenario.setup?.provider == nil ? nil : makeProvider() })
    }
    recorder.listen(sessions[0].events)
    return (sessions.map { OpenWearablesClient($0, options: options) }, sessions[0])
  }

  private func makeProvider() -> TokenProvider {
    let (mode, server, id) = (provider, server, person.id)
    return { _ in
      switch mode.with({ $0 }) {
      case "works": return try await server.developer.tokens.create(userID: id)
      case "signed_out": throw SignInRequired()
      default: throw TestFailure("the backend is down")
      }
    }
  }

  /// Runs all steps and checks their outcome.
  func run() async throws {
    for (i, step) in scenario.steps.enumerated() {
      try await run(step)
      if !problems.isEmpty {
        problems.append("step \(i): \(step.do)")
        break
      }
    }
    try await settle()
    if problems.isEmpty { try await verify() }
    if !problems.isEmpty {
      let log = (try await proxy.report().log ?? []).map {
        "\($0.method) \($0.status) @\($0.atMs)"
      }
      problems.append("requests: \(log), events: \(recorder.all.map(\.name))")
    }
  }

  private func run(_ step: Scenario.Step) async throws {
    let seconds = (step.ms ?? 0) / 1000
    let process = step.process ?? 0
    switch step.do {
    case "call":
      start(step)
      await join(step)
    case "start": start(step)
    case "join": await join(step)
    case "cancel": for task in running[step.as ?? ""]?.tasks ?? [] { task.cancel() }
    case "await_held":
      try await eventually("requests held") { try await proxy.report().held >= step.count ?? 1 }
    case "await_requests":
      try await eventually("requests seen") {
        try await proxy.report().requests[step.rpc ?? ""] ?? 0 >= step.count ?? 1
      }
    case "faults": try await proxy.setRules(step.rules ?? [])
    case "release": try await proxy.release()
    case "sign_out":
      let session = processes[process].session
      compare(step, [await failure { try await session?.signOut() }])
    case "sign_in":
      let id = step.user == "other" ? other.id : person.id
      let tokens = try await server.developer.tokens.create(userID: id)
      let session = processes[process].session
      compare(step, [await failure { try await session?.signIn(tokens) }])
    case "restart": processes[process] = try makeProcess()
    case "advance": clock.advance(seconds)
    case "set_clock": clock.setWall(seconds)
    case "store": try await changeStore(step)
    case "revoke": try await server.developer.tokens.revokeAll(userID: person.id)
    case "rotate_key":
      if let key { _ = try await server.developer.keys.rotate(key.key.id, overlap: 3600) }
    case "provider": provider.with { $0 = step.mode }
    case "wait": await pause(seconds)
    default: problems.append("unknown step \(step.do)")
    }
  }

  private func start(_ step: Scenario.Step) {
    let client = processes[step.process ?? 0].clients[step.client ?? 0]
    let options = CallOptions(timeout: (step.timeoutMs ?? 60_000) / 1000)
    let (rpc, id, began) = (step.rpc ?? "GetUser", person.id, monotonic())
    let tasks = (0..<(step.count ?? 1)).map { _ in
      Task.detached { await failure { try await call(client, rpc, id, options) } }
    }
    let took = Task.detached {
      for task in tasks { _ = await task.value }
      return monotonic() - began
    }
    running[step.as ?? ""] = Callers(tasks: tasks, took: took)
  }

  private func join(_ step: Scenario.Step) async {
    guard let callers = running[step.as ?? ""] else { return }
    var results: [(any Error)?] = []
    for task in callers.tasks { results.append(await task.value) }
    compare(step, results)
    let took = await callers.took.value * 1000
    if let limit = step.withinMs, took > limit {
      problems.append("took \(Int(took)) ms, want at most \(Int(limit))")
    }
  }

  /// Compares the results of calls with the expectation of a step.
  private func compare(_ step: Scenario.Step, _ results: [(any Error)?]) {
    let failed = results.compactMap { $0 }
    errors += failed
    for error in failed {
      let error = error as? APIError
      if error?.kind.rawValue != step.error {
        let got = error.map(String.init(reflecting:)) ?? "\(failed)"
        problems.append("error is \(got), want \(step.error ?? "none")")
      }
      if let reason = step.reason, error?.reason?.rawValue != reason {
        problems.append("error is \(String(describing: error)), want the reason \(reason)")
      }
    }
    let want = step.ok ?? (step.error == nil ? results.count : 0)
    let ok = results.count - failed.count
    if ok != want { problems.append("\(ok) of \(results.count) calls succeeded, want \(want)") }
  }

  private func changeStore(_ step: Scenario.Step) async throws {
    store.set(step.fault ?? "")
    guard let content = step.content else { return }
    let before = try await store.inner.load()
    let old = String(decoding: before ?? Data(), as: UTF8.self)
    let next: String? =
      switch content {
      case "garbage": "\0{not a session}"
      case "empty": "{}"
      case "other_base":
        old.replacingOccurrences(of: "\\/", with: "/").replacingOccurrences(
          of: proxy.base, with: "https://elsewhere.example.com")
      default: nil
      }
    let done =
      if let next { try await store.inner.save(Data(next.utf8), replacing: before) } else {
        try await store.inner.clear(before)
      }
    if !done { problems.append("the store could not be changed") }
  }

  /// Waits until requests and events have stopped.
  private func settle() async throws {
    store.set("")
    var (quiet, last) = (0, -1)
    let deadline = Deadline(in: 60)
    while quiet < 4 {
      guard deadline.left > 0 else { throw TestFailure("requests or events come without end") }
      let now = (try await proxy.report().log ?? []).count + recorder.all.count
      quiet = now == last ? quiet + 1 : 0
      last = now
      await pause(0.03)
    }
  }

  private func check(_ what: String, _ got: Int?, _ want: Scenario.Span?) {
    if let want, !want.range.contains(got ?? 0) {
      problems.append("\(what): \(got ?? 0), want \(want.range)")
    }
  }

  private func verify() async throws {
    let report = try await proxy.report()
    let expect = scenario.expect
    check("refreshes", report.refreshes, expect.refreshes)
    check("rotated", report.rotated, expect.rotated)
    check("revokes", report.requests["RevokeToken"], expect.revokes)
    for (name, span) in expect.requests ?? [:] { check(name, report.requests[name], span) }
    for (name, span) in expect.events ?? [:] { check("events \(name)", recorder.count(name), span) }
    let refreshes = (report.log ?? []).filter { $0.method == "RefreshToken" }
    if refreshes.contains(where: { $0.key.isEmpty || !$0.token.isEmpty }) {
      problems.append("a RefreshToken without an Idempotency-Key or with an Authorization")
    }
    check("keys", Set(refreshes.map(\.key)).count, expect.keys)
    try await verifySession()
    let everything: [Any] = errors + recorder.all + processes.map { $0 as Any }
    for value in everything {
      if let found = firstSecret(in: renderings(of: value)) {
        problems.append("something shows \(found)...")
      }
    }
  }

  private func verifySession() async throws {
    let raw = try await store.inner.load() ?? Data()
    let record = (try? JSONSerialization.jsonObject(with: raw)) as? [String: Any]
    let access = record?["access_token"] as? String ?? ""
    let holder = subject(of: access) ?? ""
    let ids = ["kept": person.id, "other": other.id, "gone": ""]
    if let want = ids[scenario.expect.session ?? ""], holder != want {
      problems.append("the store holds the session of \"\(holder)\", want that of \"\(want)\"")
    }
    if scenario.expect.alive == true {
      let client = try server.client(accessToken: access)
      if let error = await failure({ _ = try await client.users.get(holder) }) {
        problems.append("the stored session is dead: \(error)")
      }
    }
    if scenario.expect.original == "ended" {
      let client = try server.client(accessToken: person.tokens.accessToken.reveal())
      let id = person.id
      let error = await failure { _ = try await client.users.get(id) }
      if (error as? APIError)?.isUnauthenticated != true {
        problems.append("the first session still lives")
      }
    }
  }
}

private func failure(_ work: @Sendable () async throws -> Void) async -> (any Error)? {
  do {
    try await work()
    return nil
  } catch { return error }
}

@Sendable private func call(
  _ client: OpenWearablesClient, _ rpc: String, _ id: String, _ options: CallOptions
)
  async throws
{
  switch rpc {
  case "GetUser": _ = try await client.users.rpc.getUser(GetUserRequest(id: id), options: options)
  case "ListWorkouts":
    let request = ListWorkoutsRequest(userID: id, startDate: "2026-03-01", endDate: "2026-03-07")
    _ = try await client.workouts.rpc.listWorkouts(request, options: options)
  case "UpsertWorkouts":
    let now = Date()
    let workout = WorkoutInput(
      externalID: "w1", type: "running", startTime: now, endTime: now,
      source: WorkoutSource(provider: "test"))
    let request = UpsertWorkoutsRequest(userID: id, workouts: [workout])
    _ = try await client.workouts.rpc.upsertWorkouts(request, options: options)
  case "CreateUser":
    let request = CreateUserRequest(externalUserID: "friend-of-\(id)")
    _ = try await client.users.rpc.createUser(request, options: options)
  case "CreateUserToken":
    let request = CreateUserTokenRequest(userID: id, appID: "", appSecret: "")
    _ = try await client.tokens.rpc.createUserToken(request, options: options)
  default: throw TestFailure("unknown rpc \(rpc)")
  }
}

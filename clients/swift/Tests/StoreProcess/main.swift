import Foundation
import OpenWearables

// One of the processes that share a store, or that send from an outbox one after the other.
// It reads a job as a line of JSON, prints "ready", waits for another line, does the work,
// and prints the result.

struct Job: Decodable {
  let base: URL
  let path: String
  let user: String
  /// The moment at which it stops, to be killed within five minutes.
  let hangAt: String
  /// The folder of an outbox to send from, in place of one call.
  let outbox: String?
  /// The folder through which another process sends, in place of this one.
  let spool: String?
}

/// Stops the process at a moment of the refresh.
struct HangingStore: LockingStore {
  let file: FileStore
  let moment: String

  var id: String { file.id }

  private func hang(_ now: String) {
    guard now == moment else { return }
    say("hanging")
    sleep(300)
    exit(1)
  }

  func lock() async throws -> @Sendable () -> Void {
    let unlock = try await file.lock()
    hang("locked")
    return {
      hang("unlocking")
      unlock()
    }
  }

  func load() async throws -> Data? {
    let record = try await file.load()
    hang("loaded")
    return record
  }

  func save(_ record: Data, replacing expected: Data?) async throws -> Bool {
    hang("received")
    let saved = try await file.save(record, replacing: expected)
    hang("saved")
    return saved
  }

  func clear(_ expected: Data?) async throws -> Bool { try await file.clear(expected) }
}

func say(_ word: String) {
  FileHandle.standardOutput.write(Data("\(word)\n".utf8))
}

guard let line = readLine(),
  let job = try? JSONDecoder().decode(Job.self, from: Data(line.utf8))
else {
  say("no job")
  exit(1)
}
say("ready")
guard readLine() != nil else { exit(1) }
let store = HangingStore(file: FileStore(path: job.path), moment: job.hangAt)
let session = UserSession(baseURL: job.base, store: store)
do {
  if let outbox = job.outbox, let folder = job.spool {
    try await spool(from: outbox, to: folder, session)
  } else if let outbox = job.outbox {
    try await send(from: outbox, session, hangAt: Int(job.hangAt))
  } else {
    _ = try await OpenWearablesClient(session, options: .init(timeout: 60)).users.get(job.user)
  }
  say("ok")
} catch {
  say("\(error)")
  exit(1)
}

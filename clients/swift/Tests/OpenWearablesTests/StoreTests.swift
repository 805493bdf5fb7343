import Foundation
import XCTest

@testable import OpenWearables

final class StoreTests: XCTestCase {
  private let one = Data("one".utf8)
  private let two = Data("two".utf8)

  private func newPath() -> String {
    TestServer.shared.folder.appendingPathComponent("\(randomKey())/nested/session.json").path
  }

  private func lock(_ store: FileStore) async throws -> @Sendable () -> Void {
    try await withTimeout(10, late: { $0() }, { try await store.lock() })
  }

  /// Checks the compare-and-set that every store promises.
  private func check(_ store: any SessionStore) async throws {
    let steps: [(expected: Data?, next: Data?, done: Bool, holds: Data?)] = [
      (one, two, false, nil), (one, nil, false, nil), (nil, one, true, one), (nil, two, false, one),
      (two, two, false, one), (two, nil, false, one), (one, two, true, two), (nil, nil, false, two),
      (two, nil, true, nil), (nil, nil, true, nil),
    ]
    for (i, step) in steps.enumerated() {
      let done =
        if let next = step.next { try await store.save(next, replacing: step.expected) } else {
          try await store.clear(step.expected)
        }
      XCTAssertEqual(done, step.done, "step \(i) of \(type(of: store))")
      let holds = try await store.load()
      XCTAssertEqual(holds, step.holds, "step \(i) of \(type(of: store))")
    }
  }

  func testEveryStoreReplacesOnlyWhatIsExpected() async throws {
    try await check(MemoryStore())
    try await check(FileStore(path: newPath()))
    try await check(KeychainStore(.test, items: FakeItems()))
  }

  /// Only its owner can read the file, and nothing is left beside it except the lock.
  func testFileIsPrivateAndLeavesNothingBehind() async throws {
    let path = newPath()
    let store = FileStore(path: path)
    let saved = try await store.save(one, replacing: nil)
    XCTAssertTrue(saved)
    let unlock = try await lock(store)
    unlock()
    let files = FileManager.default
    let folder = (path as NSString).deletingLastPathComponent
    for (name, mode) in [(path, 0o600), (folder, 0o700), ("\(path).lock", 0o600)] {
      let attributes = try files.attributesOfItem(atPath: name)
      XCTAssertEqual((attributes[.posixPermissions] as? NSNumber)?.intValue, mode, name)
    }
    let key = randomKey()
    let foreign = ["session.json.old.tmp", "session.json.\(key).tmp.bak", "other.\(key).tmp"]
    for name in foreign + ["session.json.\(key).tmp"] {
      try one.write(to: URL(fileURLWithPath: "\(folder)/\(name)"))
      try files.setAttributes(
        [.modificationDate: Date().addingTimeInterval(-3600)], ofItemAtPath: "\(folder)/\(name)")
    }
    let again = try await store.save(two, replacing: one)
    XCTAssertTrue(again)
    XCTAssertEqual(
      try files.contentsOfDirectory(atPath: folder).sorted(),
      (["session.json", "session.json.lock"] + foreign).sorted())
    XCTAssertEqual(store.id, FileStore(path: "\(folder)/../nested/./session.json").id)
  }

  /// A second holder waits until the lock is free or its task is cancelled.
  func testFileLockExcludesAndHeedsCancellation() async throws {
    let store = FileStore(path: newPath())
    let unlock = try await lock(store)
    let taken = Locked(false)
    let second = Task {
      let unlock = try await store.lock()
      taken.with { $0 = true }
      unlock()
    }
    let third = Task { try await store.lock() }
    await pause(0.1)
    XCTAssertFalse(taken.with { $0 })
    third.cancel()
    let gone = try await result(of: third)
    XCTAssertThrowsError(try gone.get())
    unlock()
    try await result(of: second).get()
    XCTAssertTrue(taken.with { $0 })
  }

  /// An unreadable file is an error that says what to do, and is not taken for an empty
  /// store.
  func testUnreadableFileIsAnErrorAndNotAbsence() async throws {
    let path = newPath()
    let folder = FileStore(path: (path as NSString).deletingLastPathComponent)
    let unlock = try await lock(FileStore(path: path))
    unlock()
    await assertUnavailable(folder, "give the path of a file")
    let large = newPath()
    let file = FileStore(path: large)
    _ = try await file.save(Data(count: 70_000), replacing: nil)
    await assertUnavailable(file, "no session file")
    for content in ["", "{}", "garbage", #"{"version":2}"#] {
      let path = newPath()
      let store = FileStore(path: path)
      _ = try await store.save(Data(content.utf8), replacing: nil)
      let session = UserSession(baseURL: TestServer.shared.url, store: store)
      do {
        _ = try await session.accessToken()
        XCTFail(content)
      } catch {
        XCTAssertEqual(error.isStorageUnavailable, !content.isEmpty, content)
      }
      let after = try Data(contentsOf: URL(fileURLWithPath: path))
      XCTAssertEqual(after, Data(content.utf8), "it was changed")
    }
  }

  /// A file that another user could read or has put there is refused and left as it is, and
  /// a FIFO is not waited for.
  func testFileThatIsNotThisUsersAloneIsRefused() async throws {
    let record = Data("{}".utf8)
    for (mode, advice) in [(0o640, "others have access"), (0o666, "others have access")] {
      let store = try await stored(record)
      XCTAssertEqual(chmod(store.path, mode_t(mode)), 0)
      await assertRefused(FileStore(path: store.path), advice)
      XCTAssertEqual(try Data(contentsOf: URL(fileURLWithPath: store.path)), record)
    }
    let victim = try await stored(record)
    let link = newPath()
    try FileManager.default.createDirectory(
      atPath: (link as NSString).deletingLastPathComponent, withIntermediateDirectories: true)
    XCTAssertEqual(symlink(victim.path, link), 0)
    await assertRefused(FileStore(path: link), "a link")
    XCTAssertEqual(unlink(link), 0)
    XCTAssertEqual(mkfifo(link, 0o600), 0)
    await assertRefused(FileStore(path: link), "special file")
    XCTAssertEqual(unlink(link), 0)
    XCTAssertEqual(mkfifo("\(link).lock", 0o600), 0)
    do {
      _ = try await lock(FileStore(path: link))
      XCTFail("a FIFO was locked")
    } catch { XCTAssertTrue("\(error)".contains("special file"), "\(error)") }
  }

  func testFileOfAnotherUserIsRefused() async throws {
    let (record, path) = try await stored(Data("{}".utf8))
    guard chown(path, 12_345, gid_t.max) == 0 else {
      throw XCTSkip("only root can give a file away")
    }
    await assertRefused(FileStore(path: path), "belongs to another user")
    XCTAssertEqual(try Data(contentsOf: URL(fileURLWithPath: path)), record)
  }

  private func stored(_ record: Data) async throws -> (record: Data, path: String) {
    let path = newPath()
    let saved = try await FileStore(path: path).save(record, replacing: nil)
    XCTAssertTrue(saved)
    return (record, path)
  }

  /// Checks that no method of a store uses its file, without waiting.
  private func assertRefused(_ store: FileStore, _ advice: String) async {
    await assertUnavailable(store, advice)
    for attempt in [
      { try await store.save(Data("new".utf8), replacing: Data("{}".utf8)) },
      { try await store.clear(Data("{}".utf8)) },
    ] as [@Sendable () async throws -> Bool] {
      do {
        let done = try await withTimeout(5, attempt)
        XCTFail("it was used: \(done)")
      } catch { XCTAssertTrue("\(error)".contains(advice), "\(error)") }
    }
  }

  private func assertUnavailable(_ store: any SessionStore, _ advice: String) async {
    do {
      _ = try await withTimeout(5) { try await store.load() }
      XCTFail("it was read")
    } catch {
      XCTAssertTrue("\(error)".contains(advice), "\(error)")
      XCTAssertTrue(APIError.storage(error).description.contains(advice))
    }
  }

  /// A store that does not return delays a call by no more than the time limit, and a lock
  /// that comes later is released.
  func testLateLockIsGivenBack() async throws {
    final class Hanging: LockingStore {
      let unlocked = Promise<Void>()
      func load() async throws -> Data? { nil }
      func save(_: Data, replacing _: Data?) async throws -> Bool { true }
      func clear(_: Data?) async throws -> Bool { true }
      func lock() async throws -> @Sendable () -> Void {
        await withCheckedContinuation { continuation in
          Task.detached {
            await pause(0.3)
            continuation.resume()
          }
        }
        return { self.unlocked.fulfill(()) }
      }
    }
    let store = Hanging()
    do {
      _ = try await withTimeout(0.1, late: { $0() }, { try await store.lock() })
      XCTFail("it was locked")
    } catch let error as APIError { XCTAssertTrue(error.isTimeout) }
    try await store.unlocked.value(by: Deadline(in: 5))
  }

  /// A record is updated in place, and a refusal of the keychain is an error.
  func testKeychainUpdatesInPlaceAndReportsRefusals() async throws {
    let items = FakeItems()
    let store = KeychainStore(.test, items: items)
    _ = try await store.save(one, replacing: nil)
    _ = try await store.save(two, replacing: one)
    XCTAssertEqual(items.calls, ["read", "add", "read", "update"])
    XCTAssertEqual(store.id, KeychainStore(.test, items: FakeItems()).id)
    for (status, advice) in [
      (KeychainStatus.interactionNotAllowed, "not been unlocked"),
      (KeychainStatus.missingEntitlement, "entitlement"), (-1, "SecBase"),
    ] {
      items.refuse(status)
      await assertUnavailable(store, advice)
      let session = UserSession(baseURL: TestServer.shared.url, store: store)
      do {
        _ = try await session.accessToken()
        XCTFail("it has a token")
      } catch {
        XCTAssertTrue(error.isStorageUnavailable)
        XCTAssertTrue(error.message.contains("\(status)"))
      }
    }
    items.refuse(0)
    let kept = try await store.load()
    XCTAssertEqual(kept, two)
    items.steal()
    let added = try await store.save(one, replacing: nil)
    XCTAssertFalse(added, "another process added one in between")
  }

  /// A session in the keychain works as in any store.
  func testSessionLivesInTheKeychain() async throws {
    let (server, items) = (TestServer.shared, FakeItems())
    let person = try await server.newPerson()
    let store = KeychainStore(.test, items: items)
    let session = UserSession(baseURL: server.url, store: store)
    try await session.signIn(person.tokens)
    let next = UserSession(baseURL: server.url, store: store, core: Core(), provider: { _ in nil })
    let user = try await OpenWearablesClient(next).users.get(person.id)
    XCTAssertEqual(user.id, person.id)
    try await next.signOut()
    let left = try await store.load()
    XCTAssertNil(left)
  }
}

extension KeychainKey {
  fileprivate static let test = KeychainKey(service: "s", account: "a", group: nil)
}

/// The keychain's four functions in memory.
private final class FakeItems: KeychainItems {
  private struct State {
    var items: [KeychainKey: Data] = [:]
    var refusal: Int32 = 0
    var stolen = false
    var calls: [String] = []
  }

  private let state = Locked(State())

  var calls: [String] { state.with { $0.calls } }
  func refuse(_ status: Int32) { state.with { $0.refusal = status } }
  /// Hides the item from the next reading.
  func steal() { state.with { $0.stolen = true } }

  private func run(_ name: String, _ body: (inout State) -> Int32) -> Int32 {
    state.with {
      $0.calls.append(name)
      return $0.refusal == 0 ? body(&$0) : $0.refusal
    }
  }

  func read(_ key: KeychainKey) -> (status: Int32, record: Data?) {
    var found: Data?
    let status = run("read") {
      found = $0.stolen ? nil : $0.items[key]
      $0.stolen = false
      return found == nil ? KeychainStatus.notFound : 0
    }
    return (status, found)
  }

  func add(_ key: KeychainKey, _ record: Data) -> Int32 {
    run("add") {
      guard $0.items[key] == nil else { return KeychainStatus.duplicate }
      $0.items[key] = record
      return 0
    }
  }

  func update(_ key: KeychainKey, _ record: Data) -> Int32 {
    run("update") {
      guard $0.items[key] != nil else { return KeychainStatus.notFound }
      $0.items[key] = record
      return 0
    }
  }

  func delete(_ key: KeychainKey) -> Int32 {
    run("delete") { $0.items.removeValue(forKey: key) == nil ? KeychainStatus.notFound : 0 }
  }
}

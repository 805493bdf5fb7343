import Foundation

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#endif

/// A file that only its owner may read (mode 0600), replaced atomically. Processes that
/// share it are serialized by a lock file beside it, `path.lock`; the lock ends with its
/// holder. The folder is created if it is missing. The file must be on a file system where
/// files can be locked and renamed. It keeps one session: a sign-in of another user or at
/// another base URL replaces it.
///
/// A file of another owner, a file to which its group or others have access, and anything
/// but a regular file (a symbolic link, a FIFO) is refused with a ``StoreError`` that says so,
/// and left as it is: another user may have put it there. The same holds for the lock file.
///
/// It is for tools and servers. An app uses ``KeychainStore``.
public struct FileStore: LockingStore {
  private let path: String

  public init(path: String) {
    self.path = URL(fileURLWithPath: path).standardizedFileURL.path
  }

  public var id: String {
    let folder = URL(fileURLWithPath: folder).resolvingSymlinksInPath().path
    return "file:\(folder)/\(URL(fileURLWithPath: path).lastPathComponent)"
  }

  private var folder: String { URL(fileURLWithPath: path).deletingLastPathComponent().path }

  public func load() async throws -> Data? { try read() }

  public func save(_ record: Data, replacing expected: Data?) async throws -> Bool {
    try makeFolder()
    guard try holds(expected) else { return false }
    let draft = "\(path).\(randomKey()).tmp"
    do {
      try write(record, to: draft)
      guard try holds(expected) else {
        unlink(draft)
        return false
      }
      guard rename(draft, path) == 0 else {
        throw failure("see that the disk has room and the folder can be written")
      }
    } catch {
      unlink(draft)
      throw error
    }
    syncFolder()
    removeOrphans()
    return true
  }

  public func clear(_ expected: Data?) async throws -> Bool {
    guard try holds(expected) else { return false }
    guard unlink(path) == 0 || errno == ENOENT else { throw failure("remove it by hand") }
    syncFolder()
    return true
  }

  public func lock() async throws -> @Sendable () -> Void {
    try makeFolder()
    guard let file = try openPrivate("\(path).lock", O_RDWR | O_CREAT) else {
      throw failure("its folder is gone; give another path")
    }
    while flock(file, LOCK_EX | LOCK_NB) != 0 {
      let blocked = errno == EWOULDBLOCK || errno == EINTR
      if blocked, await pause(0.02) { continue }
      close(file)
      throw failure("see that the file system has locks")
    }
    return { close(file) }
  }

  @inline(never)
  private func holds(_ expected: Data?) throws -> Bool { try read() == expected }

  private func read() throws -> Data? {
    guard let file = try openPrivate(path, O_RDONLY) else { return nil }
    defer { close(file) }
    var record = Data()
    var buffer = [UInt8](repeating: 0, count: 16 << 10)
    while record.count <= maxRecord {
      let count = systemRead(file, &buffer, buffer.count)
      if count == 0 { return record }
      if count < 0, errno == EINTR { continue }
      guard count > 0 else { throw failure("give the path of a file") }
      record += buffer[..<count]
    }
    throw StoreError(description: "\(path): it is no session file; give another path")
  }

  private func write(_ record: Data, to draft: String) throws {
    let file = open(draft, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0o600)
    guard file >= 0 else { throw failure("give a path in a folder that this user may write to") }
    defer { close(file) }
    var rest = [UInt8](record)[...]
    while !rest.isEmpty {
      let count = rest.withUnsafeBytes { systemWrite(file, $0.baseAddress, $0.count) }
      if count < 0, errno == EINTR { continue }
      guard count > 0 else { throw failure("see that the disk has room") }
      rest = rest.dropFirst(count)
    }
    guard fsync(file) == 0 else { throw failure("see that the disk has room") }
  }

  private func makeFolder() throws {
    do {
      try FileManager.default.createDirectory(
        atPath: folder, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
    } catch {
      throw StoreError(
        description: "\(path): its folder cannot be made; "
          + "give a path in a folder that this user may write to")
    }
  }

  /// Makes a rename survive a power cut, where folders can be synced.
  private func syncFolder() {
    let file = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
    guard file >= 0 else { return }
    fsync(file)
    close(file)
  }

  /// Removes the drafts of processes that died while writing, and nothing else: files that
  /// have the name of a draft, belong to this user and are older than any write takes.
  private func removeOrphans() {
    let prefix = URL(fileURLWithPath: path).lastPathComponent + "."
    for name in (try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []
    where name.hasPrefix(prefix) && name.hasSuffix(".tmp")
      && isRandomKey(name.dropFirst(prefix.count).dropLast(4))
    {
      let orphan = "\(folder)/\(name)"
      if isOwnFile(orphan, olderThan: 60) { unlink(orphan) }
    }
  }

  private func failure(_ advice: String) -> StoreError {
    StoreError(description: "\(path): \(String(cString: strerror(errno))); \(advice)")
  }
}

/// An upper bound of a record's size.
private let maxRecord = 64 << 10

/// `read` and `write` of the system, by names that the methods do not hide.
private let systemRead = read
private let systemWrite = write

extension SessionStore where Self == FileStore {
  /// A file that only its owner may read.
  public static func file(_ path: String) -> FileStore { FileStore(path: path) }
}

import Foundation

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#endif

/// Opens a file that must belong to this user alone, so that nobody else can read it or has
/// put it there. Neither a symbolic link is followed nor a FIFO waited for.
///
/// - Returns: a descriptor to be closed, or nil if there is no file.
/// - Throws: ``StoreError`` if it cannot be opened, is not a regular file, or belongs or is
///   open to others.
func openPrivate(_ path: String, _ flags: Int32) throws -> Int32? {
  let file = open(path, flags | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC, 0o600)
  if file < 0, errno == ENOENT { return nil }
  guard file >= 0 else {
    // ENXIO: a FIFO or a socket.
    throw errno == ELOOP || errno == ENXIO
      ? notRegular(path)
      : StoreError(
        description: "\(path): \(String(cString: strerror(errno))); "
          + "make it readable for this user, or give another path")
  }
  do {
    try checkPrivate(file, path)
    return file
  } catch {
    close(file)
    throw error
  }
}

private func checkPrivate(_ file: Int32, _ path: String) throws {
  var info = stat()
  guard fstat(file, &info) == 0 else {
    throw StoreError(description: "\(path): \(String(cString: strerror(errno)))")
  }
  guard info.st_mode & S_IFMT == S_IFREG else { throw notRegular(path) }
  guard info.st_uid == geteuid() else {
    throw StoreError(description: "\(path): it belongs to another user; give another path")
  }
  guard info.st_mode & 0o077 == 0 else {
    throw StoreError(
      description: "\(path): others have access to it; see who wrote it, then chmod 600 it")
  }
}

private func notRegular(_ path: String) -> StoreError {
  StoreError(
    description: "\(path): it is a folder, a link or another special file; give the path of a file")
}

/// Reports whether `path` is a regular file of this user that nobody has changed for
/// `seconds`.
func isOwnFile(_ path: String, olderThan seconds: TimeInterval) -> Bool {
  guard let attributes = try? FileManager.default.attributesOfItem(atPath: path),
    attributes[.type] as? FileAttributeType == .typeRegular,
    (attributes[.ownerAccountID] as? NSNumber)?.uint32Value == geteuid(),
    let changed = attributes[.modificationDate] as? Date
  else { return false }
  return changed.timeIntervalSinceNow < -seconds
}

import Foundation

@testable import OpenWearables

/// A process with its standard input and output. A wait fails after 90 seconds and kills
/// the process. `@unchecked Sendable` because one task at a time uses it.
final class ChildProcess: @unchecked Sendable {
  private static let limit: TimeInterval = 90

  private let process = Process()
  private let input = Pipe()
  private let output = Pipe()
  private let ended = DispatchSemaphore(value: 0)
  private var rest = Data()

  init(_ program: URL, _ arguments: [String] = []) {
    process.executableURL = program
    process.arguments = arguments
    process.standardInput = input
    process.standardOutput = output
    process.terminationHandler = { [ended] _ in ended.signal() }
  }

  func start() throws { try process.run() }

  func write(_ text: String) { try? input.fileHandleForWriting.write(contentsOf: Data(text.utf8)) }

  func closeInput() { try? input.fileHandleForWriting.close() }

  /// Returns the next line of its output, or "" at the end.
  func readLine() throws -> String {
    let deadline = Deadline(in: Self.limit)
    while true {
      if let end = rest.firstIndex(of: 10) {
        defer { rest = Data(rest[(end + 1)...]) }
        return String(decoding: rest[..<end], as: UTF8.self)
      }
      guard hasOutput(by: deadline) else { throw overdue("no line came") }
      let more = output.fileHandleForReading.availableData
      if more.isEmpty { return "" }
      rest += more
    }
  }

  /// Waits for more output or its end, and reports whether one came in time.
  private func hasOutput(by deadline: Deadline) -> Bool {
    let file = output.fileHandleForReading.fileDescriptor
    var state = pollfd(fd: file, events: Int16(POLLIN), revents: 0)
    while true {
      let count = poll(&state, 1, Int32(deadline.left * 1000))
      if count >= 0 || errno != EINTR { return count > 0 }
    }
  }

  /// Waits for its end and returns its exit status.
  func wait() throws -> Int32 {
    guard hasEnded(within: Self.limit) else { throw overdue("it did not end") }
    return process.terminationStatus
  }

  func kill() {
    #if canImport(Glibc)
      Glibc.kill(process.processIdentifier, SIGKILL)
    #else
      Darwin.kill(process.processIdentifier, SIGKILL)
    #endif
    _ = hasEnded(within: Self.limit)
  }

  private func hasEnded(within seconds: TimeInterval) -> Bool {
    guard ended.wait(timeout: .now() + seconds) == .success else { return false }
    ended.signal()  // for the next one who asks
    return true
  }

  /// Kills the process and returns why.
  private func overdue(_ what: String) -> TestFailure {
    kill()
    let name = process.executableURL?.lastPathComponent ?? ""
    return TestFailure("\(name): \(what) within \(Int(Self.limit)) s")
  }
}

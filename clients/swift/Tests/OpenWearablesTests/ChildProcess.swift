import Foundation

/// A process with its standard input and output. `@unchecked Sendable` because its user
/// is one task at a time.
final class ChildProcess: @unchecked Sendable {
  let process = Process()
  private let input = Pipe()
  private let output = Pipe()
  private var rest = Data()

  init(_ program: URL, _ arguments: [String] = []) {
    process.executableURL = program
    process.arguments = arguments
    process.standardInput = input
    process.standardOutput = output
  }

  func start() throws { try process.run() }

  func write(_ text: String) { try? input.fileHandleForWriting.write(contentsOf: Data(text.utf8)) }

  func closeInput() { try? input.fileHandleForWriting.close() }

  /// The next line of its output, "" at the end.
  func readLine() -> String {
    while true {
      if let end = rest.firstIndex(of: 10) {
        defer { rest = Data(rest[(end + 1)...]) }
        return String(decoding: rest[..<end], as: UTF8.self)
      }
      let more = output.fileHandleForReading.availableData
      if more.isEmpty { return "" }
      rest += more
    }
  }

  func wait() -> Int32 {
    process.waitUntilExit()
    return process.terminationStatus
  }

  func kill() {
    #if canImport(Glibc)
      Glibc.kill(process.processIdentifier, SIGKILL)
    #else
      Darwin.kill(process.processIdentifier, SIGKILL)
    #endif
    process.waitUntilExit()
  }
}

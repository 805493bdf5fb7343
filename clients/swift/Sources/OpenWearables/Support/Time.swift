import Foundation

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#endif

/// The time in seconds. `wall` is the system's clock, which people can set; `mono` only
/// increases, also while the device sleeps.
package struct Clock: Sendable {
  var wall: @Sendable () -> TimeInterval
  var mono: @Sendable () -> TimeInterval

  package static let system = Clock(wall: { Date().timeIntervalSince1970 }, mono: monotonic)
}

@Sendable func monotonic() -> TimeInterval {
  var now = timespec()
  #if os(Linux)
    clock_gettime(CLOCK_BOOTTIME, &now)
  #else
    clock_gettime(CLOCK_MONOTONIC, &now)
  #endif
  return TimeInterval(now.tv_sec) + TimeInterval(now.tv_nsec) / 1e9
}

/// The moment at which an operation gives up, on the monotonic clock.
@usableFromInline package struct Deadline: Sendable, Comparable {
  private let at: TimeInterval

  @usableFromInline package init(in seconds: TimeInterval) { at = monotonic() + seconds }

  static let never = Deadline(in: .infinity)

  var left: TimeInterval { max(at - monotonic(), 0) }

  @usableFromInline package static func < (a: Deadline, b: Deadline) -> Bool { a.at < b.at }

  func orIn(_ seconds: TimeInterval) -> Deadline { seconds < left ? Deadline(in: seconds) : self }
}

/// Waits for `seconds` and returns true. Returns false early if the task is cancelled.
@discardableResult
@usableFromInline func pause(_ seconds: TimeInterval) async -> Bool {
  (try? await Task.sleep(nanoseconds: UInt64(max(min(seconds, 1e9), 0) * 1e9))) != nil
}

/// Reads the date of an HTTP header, such as `Sun, 06 Nov 1994 08:49:37 GMT`, as seconds
/// since 1970; nil if it is malformed.
func httpDate(_ text: String?) -> TimeInterval? {
  let parts = (text ?? "").components(separatedBy: CharacterSet(charactersIn: " :"))
    .filter { !$0.isEmpty }
  let months = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]
  guard parts.count == 8, parts[7] == "GMT", parts[3].count == 4, let day = Int(parts[1]),
    let year = Int(parts[3]),
    let month = months.firstIndex(of: parts[2]), let hour = Int(parts[4]),
    let minute = Int(parts[5]), let second = Int(parts[6])
  else { return nil }
  var calendar = Calendar(identifier: .gregorian)
  calendar.timeZone = TimeZone(secondsFromGMT: 0) ?? calendar.timeZone
  let date = DateComponents(
    year: year, month: month + 1, day: day, hour: hour, minute: minute, second: second)
  return calendar.date(from: date)?.timeIntervalSince1970
}

import Foundation

/// A value that one thread at a time may access.
///
/// `@unchecked Sendable` because the compiler cannot see that every access to
/// `value` holds `lock`; nothing else reads or writes it.
///
/// Its value is not reflected.
@usableFromInline final class Locked<Value: Sendable>: @unchecked Sendable {
  private var value: Value
  private let lock = NSLock()

  @usableFromInline init(_ value: Value) { self.value = value }

  /// Runs `body`, which must be short and must not wait, with the value.
  @usableFromInline func with<Result>(_ body: (inout Value) throws -> Result) rethrows -> Result {
    lock.lock()
    defer { lock.unlock() }
    return try body(&value)
  }
}

extension Locked: CustomReflectable {
  @usableFromInline var customMirror: Mirror { Mirror(self, children: []) }
}

import Foundation
import XCTest

@testable import OpenWearables

/// A response that holds a user.
let userJSON = #"{"user":{"id":"u","createdAt":"2026-03-01T00:00:00Z"}}"#

struct Person: Sendable {
  let id: String
  let tokens: SessionTokens
}

struct TestFailure: Error, CustomStringConvertible {
  let description: String
  init(_ description: String) { self.description = description }
}

/// Returns the record of a session of a given age. Without a user it is an old one.
func storedRecord(
  _ base: String, _ tokens: SessionTokens, _ age: String, user: String? = nil
) throws -> Data {
  let ttl = tokens.expiresIn
  let ages = ["fresh": 0, "expiring": ttl - 40, "expired": ttl + 60]
  let gone = ages[age] ?? 0
  let saved = Date().timeIntervalSince1970 - gone
  let record = Record(
    version: 1, base: base, user: user, id: "seed" + randomKey(),
    access: tokens.accessToken.reveal(),
    refresh: tokens.refreshToken?.reveal(), retryKey: randomKey(), ttl: Int64(ttl),
    expires: Int64((saved + ttl) * 1000), saved: Int64(saved * 1000), skew: 0)
  return try JSONEncoder().encode(record)
}

/// Returns a memory store with a session of a given age.
func seeded(_ base: String, _ tokens: SessionTokens, _ age: String) async throws -> MemoryStore {
  let store = MemoryStore()
  let saved = await store.save(try storedRecord(base, tokens, age), replacing: nil)
  XCTAssertTrue(saved)
  return store
}

/// Waits for the result of a task, for at most a minute.
func result<Value: Sendable>(of task: Task<Value, any Error>) async throws -> Result<
  Value, any Error
> {
  try await withTimeout(60) { await task.result }
}

/// Waits until a condition holds, for at most ten seconds.
func eventually(_ what: String, _ holds: () async throws -> Bool) async throws {
  let end = Deadline(in: 10)
  while !(try await holds()) {
    guard end.left > 0 else { throw TestFailure("not within 10 s: \(what)") }
    await pause(0.01)
  }
}

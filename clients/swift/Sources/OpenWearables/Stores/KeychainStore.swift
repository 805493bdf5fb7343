import Foundation

// A system without a keychain has the store for the tests alone.
#if canImport(Security) || DEBUG
  /// Keeps the session in one keychain item. It survives the app's end, stays on this device
  /// even in backups, and is readable after the first unlock. The item is updated in place,
  /// never removed and added again.
  public struct KeychainStore: SessionStore {
    private let items: any KeychainItems
    private let key: KeychainKey

    init(_ key: KeychainKey, items: any KeychainItems) {
      self.key = key
      self.items = items
    }

    public var id: String { "keychain:\(key.group ?? ""):\(key.service):\(key.account)" }

    public func load() async throws -> Data? { try read() }

    public func save(_ record: Data, replacing expected: Data?) async throws -> Bool {
      try processLock.with { _ in
        guard try read() == expected else { return false }
        let status =
          expected == nil ? items.add(key, record) : items.update(key, record)
        switch status {
        case KeychainStatus.success: return true
        case KeychainStatus.duplicate, KeychainStatus.notFound: return false
        default: throw refused(status)
        }
      }
    }

    public func clear(_ expected: Data?) async throws -> Bool {
      try processLock.with { _ in
        guard try read() == expected else { return false }
        let status = items.delete(key)
        guard status == KeychainStatus.success || status == KeychainStatus.notFound else {
          throw refused(status)
        }
        return true
      }
    }

    private func read() throws -> Data? {
      switch items.read(key) {
      case (KeychainStatus.success, let record?): return record
      case (KeychainStatus.notFound, _): return nil
      case (let status, _): throw refused(status)
      }
    }

    private func refused(_ status: Int32) -> StoreError {
      let advice =
        switch status {
        case KeychainStatus.interactionNotAllowed:
          "the device has not been unlocked since it started"
        case KeychainStatus.missingEntitlement: "sign the app, with the access group's entitlement"
        default: "see Security/SecBase.h"
        }
      return StoreError(description: "the keychain answers \(status): \(advice)")
    }
  }

  /// Serializes the stores of a process, because the keychain has no compare-and-set.
  private let processLock = Locked(())

  /// Identifies an item.
  struct KeychainKey: Sendable, Hashable {
    let service: String
    let account: String
    let group: String?
  }

  /// The four functions of the keychain that a store needs, with their `OSStatus`.
  protocol KeychainItems: Sendable {
    func read(_ key: KeychainKey) -> (status: Int32, record: Data?)
    func add(_ key: KeychainKey, _ record: Data) -> Int32
    func update(_ key: KeychainKey, _ record: Data) -> Int32
    func delete(_ key: KeychainKey) -> Int32
  }

  /// `OSStatus` by the names of Security/SecBase.h.
  enum KeychainStatus {
    static let success: Int32 = 0
    static let notFound: Int32 = -25300
    static let duplicate: Int32 = -25299
    static let interactionNotAllowed: Int32 = -25308
    static let missingEntitlement: Int32 = -34018
  }
#endif

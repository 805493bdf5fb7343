#if canImport(Security)
  import Foundation
  import Security

  /// The system's keychain.
  private struct SecurityItems: KeychainItems {
    private func query(_ key: KeychainKey, _ more: [CFString: Any] = [:]) -> CFDictionary {
      var query: [CFString: Any] = [
        kSecClass: kSecClassGenericPassword, kSecAttrService: key.service,
        kSecAttrAccount: key.account, kSecUseDataProtectionKeychain: true,
      ]
      if let group = key.group { query[kSecAttrAccessGroup] = group }
      return query.merging(more) { $1 } as CFDictionary
    }

    func read(_ key: KeychainKey) -> (status: Int32, record: Data?) {
      var found: CFTypeRef?
      let status = SecItemCopyMatching(
        query(key, [kSecReturnData: true, kSecMatchLimit: kSecMatchLimitOne]), &found)
      return (status, found as? Data)
    }

    func add(_ key: KeychainKey, _ record: Data) -> Int32 {
      let access = kSecAttrAccessibleAfterFirstUnlockThisDeviceOnly
      return SecItemAdd(query(key, [kSecValueData: record, kSecAttrAccessible: access]), nil)
    }

    func update(_ key: KeychainKey, _ record: Data) -> Int32 {
      SecItemUpdate(query(key), [kSecValueData: record] as [CFString: Any] as CFDictionary)
    }

    func delete(_ key: KeychainKey) -> Int32 { SecItemDelete(query(key)) }
  }

  extension SessionStore where Self == KeychainStore {
    /// An item of the keychain.
    ///
    /// - Parameters:
    ///   - service: a name of the app's own, such as its bundle identifier.
    ///   - account: distinguishes the items of a service, such as one for each base URL.
    ///   - accessGroup: shares the item with the app's extensions, which use
    ///     ``RefreshPolicy/never``.
    public static func keychain(
      service: String, account: String = "session", accessGroup: String? = nil
    ) -> KeychainStore {
      KeychainStore(
        KeychainKey(service: service, account: account, group: accessGroup), items: SecurityItems())
    }
  }
#endif

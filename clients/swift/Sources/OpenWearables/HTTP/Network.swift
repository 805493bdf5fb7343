import Foundation

#if canImport(FoundationNetworking)
  import FoundationNetworking
#endif

/// How requests reach the network: a `URLSession` that the app configures, with a proxy,
/// `protocolClasses`, or certificates of its own to accept or pin. Make one and share it: each
/// has connections of its own.
///
/// Whatever the configuration says, no redirect is followed and no cookie is kept, since a
/// request carries a credential.
public struct Network: Sendable {
  /// Answers a challenge of the server or a proxy; nil leaves it to the system.
  public typealias Challenge =
    @Sendable (URLAuthenticationChallenge) async -> (
      URLSession.AuthChallengeDisposition, URLCredential?
    )?

  /// The `URLSession` of the package that all clients share.
  public static let shared = Network(transport: URLSessionTransport())

  let transport: any HTTPTransport

  package init(transport: any HTTPTransport) { self.transport = transport }

  /// - Parameters:
  ///   - configure: changes the configuration, which caches nothing and keeps no cookies.
  ///   - challenge: decides on certificates, as for pinning. Not called on Linux, where
  ///     Foundation has no such challenge.
  public init(
    configure: @escaping @Sendable (URLSessionConfiguration) -> Void = { _ in },
    challenge: Challenge? = nil
  ) {
    transport = URLSessionTransport(pool: SessionPool(challenge: challenge, configure: configure))
  }
}

extension Network: CustomReflectable {
  public var customMirror: Mirror { Mirror(self, children: []) }
}

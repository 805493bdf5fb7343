import Foundation

/// An object with the id by which requests refer to it.
@usableFromInline protocol Identified: Sendable {
  var identity: String { get }
}

extension User: Identified { @usableFromInline var identity: String { id } }
extension Developer: Identified { @usableFromInline var identity: String { id } }
extension Key: Identified { @usableFromInline var identity: String { id } }
extension Application: Identified { @usableFromInline var identity: String { appID } }
extension Alert: Identified { @usableFromInline var identity: String { id } }
extension AlertRule: Identified { @usableFromInline var identity: String { rule } }
extension WebhookEndpoint: Identified { @usableFromInline var identity: String { id } }
extension WebhookDelivery: Identified { @usableFromInline var identity: String { id } }
extension PairingCode: Identified { @usableFromInline var identity: String { id } }
extension Invitation: Identified { @usableFromInline var identity: String { id } }

extension Identified {
  /// The object, which the server always sends with its id.
  @_alwaysEmitIntoClient
  var identified: Self {
    get throws(APIError) {
      guard !identity.isEmpty else { throw .incomplete() }
      return self
    }
  }
}

extension Call {
  /// Returns the object of the response, which always has an id.
  @_semantics("optimize.sil.specialize.generic.never")
  @inline(never)
  @_alwaysEmitIntoClient
  func object<Object: Identified>(
    _ object: KeyPath<Output, Object> & Sendable, _ request: Input, _ options: CallOptions
  ) async throws(APIError) -> Object {
    try await self(request, options: options).body[keyPath: object].identified
  }

  /// Returns the object of the response, which may be missing.
  @_semantics("optimize.sil.specialize.generic.never")
  @inline(never)
  @_alwaysEmitIntoClient
  func object<Object: Identified>(
    _ object: KeyPath<Output, Object?> & Sendable, _ request: Input, _ options: CallOptions
  ) async throws(APIError) -> Object {
    guard let found = try await self(request, options: options).body[keyPath: object] else {
      throw .incomplete()
    }
    return try found.identified
  }

  /// Returns the object of the response and the secret minted with it, which is never empty.
  @_semantics("optimize.sil.specialize.generic.never")
  @inline(never)
  @_alwaysEmitIntoClient
  func minted<Object: Identified>(
    _ object: KeyPath<Output, Object> & Sendable, _ secret: KeyPath<Output, String> & Sendable,
    _ request: Input, _ options: CallOptions
  ) async throws(APIError) -> (Object, Secret) {
    let body = try await self(request, options: options).body
    guard !body[keyPath: secret].isEmpty else { throw .incomplete() }
    return (try body[keyPath: object].identified, Secret(body[keyPath: secret]))
  }

  /// Returns the object of the response, which may be missing, and the secret minted with it.
  @_semantics("optimize.sil.specialize.generic.never")
  @inline(never)
  @_alwaysEmitIntoClient
  func minted<Object: Identified>(
    _ object: KeyPath<Output, Object?> & Sendable, _ secret: KeyPath<Output, String> & Sendable,
    _ request: Input, _ options: CallOptions
  ) async throws(APIError) -> (Object, Secret) {
    let body = try await self(request, options: options).body
    guard let found = body[keyPath: object], !body[keyPath: secret].isEmpty else {
      throw .incomplete()
    }
    return (try found.identified, Secret(body[keyPath: secret]))
  }

  /// Makes a call whose response says nothing.
  @_semantics("optimize.sil.specialize.generic.never")
  @inline(never)
  @_alwaysEmitIntoClient
  func done(_ request: Input, _ options: CallOptions) async throws(APIError) {
    _ = try await self(request, options: options)
  }
}

@_alwaysEmitIntoClient
func seconds(_ overlap: TimeInterval) throws(APIError) -> Int {
  guard let seconds = Int(exactly: overlap.rounded(.down)), (0...Int(Int32.max)).contains(seconds)
  else {
    throw .invalid(
      "the overlap must be a number of seconds from 0 to \(Int32.max)", field: "overlap")
  }
  return seconds
}

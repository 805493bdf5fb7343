/// What the installation is, and how much it holds.
public struct Installations: Sendable {
  /// The calls of the schema, whose responses include the request id and the rate limit.
  public let rpc: InstallationServiceClient

  /// Returns its version, limits, settings, signing keys and findings. Only a developer may
  /// call it.
  @_alwaysEmitIntoClient
  public func get(options: CallOptions = CallOptions()) async throws(APIError) -> Installation {
    try await rpc.getInstallation(GetInstallationRequest(), options: options).body.installation
  }

  /// Counts what it holds. Only a developer may call it.
  @_alwaysEmitIntoClient
  public func stats(options: CallOptions = CallOptions()) async throws(APIError) -> Stats {
    try await rpc.getStats(GetStatsRequest(), options: options).body.stats
  }
}

import Foundation

/// Calls one installation with one credential. Share it: it is safe for concurrent use
/// and needs no closing.
public final class OpenWearablesClient: Sendable {
  /// The version of this package, as the user agent gives it.
  public static let version = "0.1.0"

  /// The defaults of every call of a client, which the options of a call override.
  public struct Options: Sendable {
    /// Seconds that a call may take, its refresh and its retries included.
    public var timeout: TimeInterval
    /// How often a call is repeated after transient failures, if that is safe: 0 to 2.
    public var retries: Int
    /// Bytes that a response may have after unpacking. A call whose response is larger fails
    /// with the reason ``APIError/Reason/invalidResponse`` and is not repeated. 1 MiB is the
    /// most for errors and for calls that mint, renew or revoke credentials.
    public var maxResponseBytes: Int
    /// The app's name, such as `shop/2.1`, put before this package's in the User-Agent.
    public var userAgent: String?
    /// Accepts a base URL of plain http whose host is a private or link-local address
    /// (RFC 1918, fc00::/7, 169.254.0.0/16, fe80::/10), a name of one label, or a name that
    /// ends in .local, .internal, .svc or .cluster.local, as within a cluster without TLS.
    /// The credential and all data are then sent in plain text: whoever can read or redirect
    /// the traffic of that network, or answer for the name, has them. A client of a session
    /// calls where that session is.
    public var allowInsecurePrivateNetwork: Bool
    /// How requests reach the network. A client of a session takes the session's.
    public var network: Network
    /// Sends calls that only read by GET, with their messages in the URL.
    @_spi(Conformance) public var readsInURL = false

    public init(
      timeout: TimeInterval = 30, retries: Int = 2, maxResponseBytes: Int = 16 << 20,
      userAgent: String? = nil, allowInsecurePrivateNetwork: Bool = false,
      network: Network = .shared
    ) {
      self.timeout = timeout
      self.retries = retries
      self.maxResponseBytes = maxResponseBytes
      self.userAgent = userAgent
      self.allowInsecurePrivateNetwork = allowInsecurePrivateNetwork
      self.network = network
    }
  }

  /// The users whose data the installation holds.
  public let users: Users
  /// The users' workouts.
  public let workouts: Workouts
  /// Tokens of users.
  public let tokens: Tokens
  /// The signed-in developer's own account and logins.
  public let sessions: Sessions
  /// The installation's API keys.
  public let keys: Keys
  /// The installation's applications.
  public let applications: Applications
  /// What happened in the installation, and who read whose health data.
  public let audit: Audit
  /// Whether a credential is good, for services that are handed one.
  public let credentials: Credentials
  /// How many requests there were, and whose.
  public let usage: UsageReports
  /// What in the installation needs a look.
  public let alerts: Alerts
  /// The endpoints to which alerts are sent.
  public let webhooks: Webhooks
  /// The people who manage the installation.
  public let developers: Developers
  /// Invitations to become one of them.
  public let invitations: Invitations
  /// What the installation is.
  public let installation: Installations

  private let caller: Caller

  /// A client that calls with a session.
  public convenience init(_ session: UserSession, options: Options = Options()) {
    self.init(
      session.engine.rpc.connect, .session(session), options,
      emitter: session.engine.core.emitter)
  }

  /// A client that calls with an API key. For servers only: everyone who has an app can
  /// read the keys in it.
  ///
  /// - Throws: ``APIError`` of the kind `invalid` if the URL or the key cannot be used.
  @available(iOS, unavailable, message: "an app's user can read its API key: use UserSession")
  @available(tvOS, unavailable, message: "an app's user can read its API key: use UserSession")
  @available(watchOS, unavailable, message: "an app's user can read its API key: use UserSession")
  @available(visionOS, unavailable, message: "an app's user can read its API key: use UserSession")
  @_alwaysEmitIntoClient
  public convenience init(baseURL: URL, apiKey: String, options: Options = Options())
    throws(APIError)
  {
    guard !apiKey.isEmpty else {
      throw .invalid(
        "the API key is empty: is the environment variable set?", field: "apiKey")
    }
    if let prefix = ["secret_", "rt_", "app_"].first(where: apiKey.hasPrefix) {
      throw .invalid(
        "what begins with \(prefix) is no API key: those begin with ow_live_ or ow_test_",
        field: "apiKey")
    }
    try checkBare(apiKey, field: "apiKey")
    try self.init(baseURL: baseURL, checked: Secret(apiKey), options)
  }

  /// A client without a credential, for calls that need none.
  ///
  /// - Throws: ``APIError`` of the kind `invalid` if the URL cannot be used.
  public convenience init(baseURL: URL, options: Options = Options()) throws(APIError) {
    try self.init(baseURL: baseURL, .none, options)
  }

  /// A client of a fake server.
  package convenience init(testing baseURL: URL, key: String, network: Network) throws(APIError) {
    try self.init(baseURL: baseURL, .key(Secret(key)), Options(network: network))
  }

  /// A client that calls with a key that is well-formed.
  @usableFromInline convenience init(baseURL: URL, checked key: Secret, _ options: Options)
    throws(APIError)
  {
    try self.init(baseURL: baseURL, .key(key), options)
  }

  convenience init(baseURL: URL, _ credential: Caller.Credential, _ options: Options)
    throws(APIError)
  {
    let base = try BaseURL(
      baseURL, allowInsecurePrivateNetwork: options.allowInsecurePrivateNetwork)
    let connect = Connect(
      base: .success(base), transport: options.network.transport, userAgent: "")
    self.init(connect, credential, options, emitter: EventEmitter())
  }

  init(
    _ connect: Connect, _ credential: Caller.Credential, _ options: Options, emitter: EventEmitter
  ) {
    let connect = Connect(
      base: connect.base, transport: connect.transport, userAgent: userAgent(options.userAgent))
    caller = Caller(connect, credential, options, emitter)
    users = Users(rpc: UserServiceClient(transport: caller))
    workouts = Workouts(rpc: WorkoutServiceClient(transport: caller))
    tokens = Tokens(rpc: TokenServiceClient(transport: caller))
    sessions = Sessions(rpc: SessionServiceClient(transport: caller))
    keys = Keys(rpc: KeyServiceClient(transport: caller))
    applications = Applications(rpc: ApplicationServiceClient(transport: caller))
    audit = Audit(
      rpc: AuditServiceClient(transport: caller),
      credentials: CredentialServiceClient(transport: caller))
    credentials = Credentials(rpc: CredentialServiceClient(transport: caller))
    usage = UsageReports(rpc: UsageServiceClient(transport: caller))
    alerts = Alerts(rpc: AlertServiceClient(transport: caller))
    webhooks = Webhooks(rpc: WebhookServiceClient(transport: caller))
    developers = Developers(rpc: DeveloperServiceClient(transport: caller))
    invitations = Invitations(rpc: InvitationServiceClient(transport: caller))
    installation = Installations(rpc: InstallationServiceClient(transport: caller))
  }

  /// The transport of this client's calls, with its credential, deadline, retries and
  /// errors, for any generated client. Raw messages hold minted secrets in plain text.
  public var transport: some UnaryTransport { caller }

  /// The events of the credential from now on: for a session, the same as
  /// ``UserSession/events``; for an API key, ``SessionEvent/keyRotated(sunset:)``.
  public var events: AsyncStream<SessionEvent> { caller.emitter.stream() }
}

extension OpenWearablesClient: CustomStringConvertible, CustomReflectable {
  private var base: String { (try? caller.connect.base.get())?.string ?? "" }
  public var description: String { "OpenWearablesClient(\(base))" }
  public var customMirror: Mirror { Mirror(self, children: ["baseURL": base]) }
}

func userAgent(_ product: String?) -> String {
  #if os(iOS)
    let system = "iOS"
  #elseif os(macOS)
    let system = "macOS"
  #elseif os(Linux)
    let system = "Linux"
  #else
    let system = "other"
  #endif
  let own = "openwearables-swift/\(OpenWearablesClient.version) (\(system))"
  let visible = (product ?? "").filter { (" "..."~").contains($0) }
  return visible.isEmpty ? own : "\(visible) \(own)"
}

// Not on Linux, where Swift 6.0 cannot link its Observation. The tests check the types there,
// in a module of its own.
#if canImport(Darwin) || CHECKING_OBSERVATION
  import Observation

  #if CHECKING_OBSERVATION
    import OpenWearables
  #endif

  /// The state of a session for SwiftUI. A view that reads ``state`` is drawn again when it
  /// changes.
  @available(iOS 17, macOS 14, tvOS 17, watchOS 10, visionOS 1, *)
  @MainActor @Observable
  public final class ObservableSession {
    public private(set) var state: SessionState
    @ObservationIgnored public let session: UserSession
    @ObservationIgnored private var following: Task<Void, Never>?

    public init(_ session: UserSession) {
      self.session = session
      state = session.state
      let states = session.states
      following = Task { [weak self] in
        for await state in states {
          guard let self else { return }
          self.state = state
        }
      }
    }

    deinit { following?.cancel() }

    public var isSignedIn: Bool { state == .signedIn }
  }
#endif

/// Notices that the device has another network, where the system tells.
enum NetworkMonitor {
  /// Begins to watch, once in a process.
  static func start() {
    #if canImport(Network)
      _ = monitor
    #endif
  }
}

#if canImport(Network)
  import Dispatch
  import Network

  extension NetworkMonitor {
    private nonisolated(unsafe) static let monitor: NWPathMonitor = {
      let monitor = NWPathMonitor()
      monitor.pathUpdateHandler = { path in
        if path.status == .satisfied { Task { await Core.networkChanged() } }
      }
      monitor.start(queue: DispatchQueue(label: "com.openwearables.network"))
      return monitor
    }()
  }
#endif

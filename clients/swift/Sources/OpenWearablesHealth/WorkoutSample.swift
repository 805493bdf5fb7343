import Foundation

/// A workout of HealthKit as plain values in fixed units.
public struct WorkoutSample: Sendable, Hashable, Codable {
  public var uuid: UUID
  /// The raw value of its `HKWorkoutActivityType`.
  public var activity: UInt
  public var start: Date
  public var end: Date
  /// Seconds without pauses.
  public var duration: TimeInterval
  /// The metadata `HKTimeZone`: where it took place, such as `Europe/Berlin`. Many apps leave
  /// it out.
  public var timeZone: String?
  /// The metadata `HKSyncIdentifier`, by which the app that wrote it replaces it.
  public var syncIdentifier: String?
  /// The app that wrote it, and its bundle identifier.
  public var sourceName: String
  public var sourceBundle: String
  /// Such as `Watch6,1` or `iPhone15,2`.
  public var productType: String?
  /// Kilocalories.
  public var activeEnergy: Double?
  /// Meters.
  public var distance: Double?
  /// Beats a minute.
  public var averageHeartRate: Double?
  public var maximumHeartRate: Double?
  /// Meters.
  public var elevationAscended: Double?

  public init(
    uuid: UUID, activity: UInt, start: Date, end: Date, duration: TimeInterval,
    timeZone: String? = nil, syncIdentifier: String? = nil, sourceName: String,
    sourceBundle: String, productType: String? = nil, activeEnergy: Double? = nil,
    distance: Double? = nil, averageHeartRate: Double? = nil, maximumHeartRate: Double? = nil,
    elevationAscended: Double? = nil
  ) {
    self.uuid = uuid
    self.activity = activity
    self.start = start
    self.end = end
    self.duration = duration
    self.timeZone = timeZone
    self.syncIdentifier = syncIdentifier
    self.sourceName = sourceName
    self.sourceBundle = sourceBundle
    self.productType = productType
    self.activeEnergy = activeEnergy
    self.distance = distance
    self.averageHeartRate = averageHeartRate
    self.maximumHeartRate = maximumHeartRate
    self.elevationAscended = elevationAscended
  }
}

/// What changed in a source since an anchor.
public struct SampleChanges: Sendable {
  public var added: [WorkoutSample]
  public var deleted: [UUID]
  /// Where the next query begins, opaque.
  public var anchor: Data
  /// There may be more.
  public var hasMore: Bool

  public init(added: [WorkoutSample], deleted: [UUID], anchor: Data, hasMore: Bool) {
    self.added = added
    self.deleted = deleted
    self.anchor = anchor
    self.hasMore = hasMore
  }
}

/// Where workouts come from: HealthKit, or a fake of a test.
public protocol SampleSource: Sendable {
  /// Returns at most about `limit` changes since an anchor, from the beginning for nil. What
  /// the app may not read looks like nothing: it is never reported as deleted.
  ///
  /// - Throws: ``SourceLocked`` while the device is locked and its data cannot be read.
  func changes(since anchor: Data?, limit: Int) async throws -> SampleChanges
}

/// The data cannot be read now, as while a device is locked. It can be later.
public struct SourceLocked: Error, Sendable {
  public init() {}
}

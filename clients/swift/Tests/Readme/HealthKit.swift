// The parts of HealthKit that the adapter and the README's snippet need to compile on a system
// without it: our idea of Apple's API, no proof of it.
@_exported import Foundation

public class HKObjectType: NSObject, @unchecked Sendable {
  public static func workoutType() -> HKSampleType { HKSampleType() }
}

public class HKSampleType: HKObjectType, @unchecked Sendable {}

public struct HKQuantityTypeIdentifier: Sendable {
  public static let heartRate = Self()
  public static let activeEnergyBurned = Self()
  public static let distanceWalkingRunning = Self()
  public static let distanceCycling = Self()
  public static let distanceSwimming = Self()
  public static let distanceWheelchair = Self()
  public static let distanceDownhillSnowSports = Self()
}

public final class HKQuantityType: HKSampleType, @unchecked Sendable {
  public init(_ identifier: HKQuantityTypeIdentifier) {}
}

public final class HKUnit: Sendable {
  public static func count() -> HKUnit { HKUnit() }
  public static func minute() -> HKUnit { HKUnit() }
  public static func meter() -> HKUnit { HKUnit() }
  public static func kilocalorie() -> HKUnit { HKUnit() }
  public func unitDivided(by unit: HKUnit) -> HKUnit { HKUnit() }
}

public final class HKQuantity: Sendable {
  public func doubleValue(for unit: HKUnit) -> Double { 0 }
}

public final class HKStatistics: Sendable {
  public func sumQuantity() -> HKQuantity? { nil }
  public func averageQuantity() -> HKQuantity? { nil }
  public func maximumQuantity() -> HKQuantity? { nil }
}

public final class HKQueryAnchor: NSObject, NSSecureCoding, @unchecked Sendable {
  public static var supportsSecureCoding: Bool { true }
  public func encode(with coder: NSCoder) {}
  public init?(coder: NSCoder) { nil }
}

public final class HKSource: Sendable {
  public let name = ""
  public let bundleIdentifier = ""
}

public struct HKSourceRevision: Sendable {
  public let source = HKSource()
  public let productType: String? = nil
}

public enum HKWorkoutActivityType: UInt, Sendable {
  case other = 3000
}

public final class HKDeletedObject: Sendable {
  public let uuid = UUID()
}

public final class HKWorkout: Sendable {
  public let uuid = UUID()
  public let workoutActivityType = HKWorkoutActivityType.other
  public let startDate = Date()
  public let endDate = Date()
  public let duration: TimeInterval = 0
  public var metadata: [String: Any]? { nil }
  public let sourceRevision = HKSourceRevision()
  public func statistics(for type: HKQuantityType) -> HKStatistics? { nil }
}

// swift-format-ignore: AlwaysUseLowerCamelCase
public let HKMetadataKeyElevationAscended = "HKElevationAscended"
// swift-format-ignore: AlwaysUseLowerCamelCase
public let HKMetadataKeyTimeZone = "HKTimeZone"
// swift-format-ignore: AlwaysUseLowerCamelCase
public let HKMetadataKeySyncIdentifier = "HKMetadataKeySyncIdentifier"

public struct HKSamplePredicate<Sample: Sendable>: Sendable {
  public static func workout(_ predicate: NSPredicate? = nil) -> HKSamplePredicate<HKWorkout> {
    HKSamplePredicate<HKWorkout>()
  }
}

public struct HKAnchoredObjectQueryDescriptor<Sample: Sendable> {
  public struct Result: @unchecked Sendable {
    public let addedSamples: [Sample]
    public let deletedObjects: [HKDeletedObject]
    public let newAnchor: HKQueryAnchor
  }

  public init(predicates: [HKSamplePredicate<Sample>], anchor: HKQueryAnchor?, limit: Int? = nil) {}

  public func result(for store: HKHealthStore) async throws -> Result { throw HKError() }
}

public struct HKError: Error {
  public enum Code: Sendable {
    case errorDatabaseInaccessible
  }
  public let code = Code.errorDatabaseInaccessible
}

public final class HKHealthStore: Sendable {
  public init() {}
  public func requestAuthorization(
    toShare: Set<HKSampleType>, read: Set<HKObjectType>
  ) async throws {}
}

#if canImport(HealthKit)
  import Foundation
  import HealthKit

  /// The workouts of HealthKit. The app asks for permission itself, for ``readTypes``.
  @available(iOS 16, macOS 13, watchOS 9, visionOS 1, *)
  public struct HealthKitSource: SampleSource {
    /// What is read: pass it to `requestAuthorization(toShare:read:)`.
    public static var readTypes: Set<HKObjectType> {
      [
        HKObjectType.workoutType(), HKQuantityType(.heartRate), HKQuantityType(.activeEnergyBurned),
        HKQuantityType(.distanceWalkingRunning), HKQuantityType(.distanceCycling),
        HKQuantityType(.distanceSwimming), HKQuantityType(.distanceWheelchair),
        HKQuantityType(.distanceDownhillSnowSports),
      ]
    }

    private let store: HKHealthStore

    public init(_ store: HKHealthStore) { self.store = store }

    public func changes(since anchor: Data?, limit: Int) async throws -> SampleChanges {
      let before = try anchor.flatMap {
        try NSKeyedUnarchiver.unarchivedObject(ofClass: HKQueryAnchor.self, from: $0)
      }
      let query = HKAnchoredObjectQueryDescriptor(
        predicates: [.workout()], anchor: before, limit: limit)
      do {
        let result = try await query.result(for: store)
        return SampleChanges(
          added: result.addedSamples.map { WorkoutSample($0) },
          deleted: result.deletedObjects.map(\.uuid),
          anchor: try NSKeyedArchiver.archivedData(
            withRootObject: result.newAnchor, requiringSecureCoding: true),
          hasMore: result.addedSamples.count + result.deletedObjects.count >= limit)
      } catch let error as HKError where error.code == .errorDatabaseInaccessible {
        throw SourceLocked()
      }
    }
  }

  @available(iOS 16, macOS 13, watchOS 9, visionOS 1, *)
  extension WorkoutSample {
    fileprivate init(_ workout: HKWorkout) {
      let pulse = HKUnit.count().unitDivided(by: .minute())
      let heart = workout.statistics(for: HKQuantityType(.heartRate))
      let distances: [HKQuantityTypeIdentifier] = [
        .distanceWalkingRunning, .distanceCycling, .distanceSwimming, .distanceWheelchair,
        .distanceDownhillSnowSports,
      ]
      let distance = distances.lazy.compactMap {
        workout.statistics(for: HKQuantityType($0))?.sumQuantity()
      }.first
      let ascended = workout.metadata?[HKMetadataKeyElevationAscended] as? HKQuantity
      self.init(
        uuid: workout.uuid, activity: workout.workoutActivityType.rawValue,
        start: workout.startDate, end: workout.endDate, duration: workout.duration,
        timeZone: workout.metadata?[HKMetadataKeyTimeZone] as? String,
        syncIdentifier: workout.metadata?[HKMetadataKeySyncIdentifier] as? String,
        sourceName: workout.sourceRevision.source.name,
        sourceBundle: workout.sourceRevision.source.bundleIdentifier,
        productType: workout.sourceRevision.productType,
        activeEnergy: workout.statistics(for: HKQuantityType(.activeEnergyBurned))?
          .sumQuantity()?.doubleValue(for: .kilocalorie()),
        distance: distance?.doubleValue(for: .meter()),
        averageHeartRate: heart?.averageQuantity()?.doubleValue(for: pulse),
        maximumHeartRate: heart?.maximumQuantity()?.doubleValue(for: pulse),
        elevationAscended: ascended?.doubleValue(for: .meter()))
    }
  }
#endif

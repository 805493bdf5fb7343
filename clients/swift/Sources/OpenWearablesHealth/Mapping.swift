import Foundation
import OpenWearables

extension WorkoutInput {
  /// The provider of what comes from HealthKit.
  public static let healthKitProvider = "apple_health"

  /// Maps a workout of HealthKit.
  ///
  /// A number that the server would refuse is left out, so that it does not keep the workout
  /// from being stored. The zone is the one that the workout names, at its start; without one
  /// it is unset, since the phone may be elsewhere by now. The name that its owner gave the
  /// device is not sent.
  public init(_ sample: WorkoutSample) {
    self.init(
      externalID: sample.externalID,
      type: workoutType(ofActivity: sample.activity),
      startTime: sample.start,
      endTime: max(sample.end, sample.start),
      zoneOffset: sample.timeZone.flatMap { utcOffset($0, at: sample.start) },
      durationSeconds: bounded(sample.duration.rounded(), 31_536_000).map { Int($0) },
      source: WorkoutSource(
        provider: Self.healthKitProvider,
        source: text(sample.sourceName) ?? text(sample.sourceBundle),
        device: sample.productType.flatMap(text),
        deviceType: sample.productType.flatMap(deviceType)),
      caloriesKcal: bounded(sample.activeEnergy, 100_000),
      distanceMeters: bounded(sample.distance, 10_000_000),
      avgHeartRateBpm: bounded(sample.averageHeartRate, 300),
      maxHeartRateBpm: bounded(sample.maximumHeartRate, 300),
      elevationGainMeters: bounded(sample.elevationAscended, 100_000))
  }
}

extension WorkoutSample {
  /// The id under which it is stored: the one by which its app replaces it, which is unique
  /// within that app, else its UUID.
  public var externalID: String {
    if let syncIdentifier, !syncIdentifier.isEmpty {
      let id = "\(sourceBundle)/\(syncIdentifier)"
      if id.unicodeScalars.count <= 255, !id.unicodeScalars.contains(where: isControl) {
        return id
      }
    }
    return uuid.uuidString.lowercased()
  }
}

/// Returns the offset from UTC of an IANA zone at a time, such as `+02:00`; nil if the zone is
/// not known.
func utcOffset(_ name: String, at time: Date) -> String? {
  guard let seconds = TimeZone(identifier: name)?.secondsFromGMT(for: time) else { return nil }
  let minutes = abs(seconds) / 60
  guard minutes < 15 * 60 else { return nil }
  if minutes == 0 { return "Z" }
  func two(_ number: Int) -> String { number < 10 ? "0\(number)" : "\(number)" }
  return "\(seconds < 0 ? "-" : "+")\(two(minutes / 60)):\(two(minutes % 60))"
}

private func bounded(_ number: Double?, _ most: Double) -> Double? {
  guard let number, (0...most).contains(number) else { return nil }
  return number
}

/// Returns a text that the server takes: at most 255 characters, without controls; nil if
/// nothing is left.
private func text(_ text: String) -> String? {
  let kept = String(String.UnicodeScalarView(text.unicodeScalars.filter { !isControl($0) }))
    .trimmingCharacters(in: .whitespacesAndNewlines)
  let short = String(String.UnicodeScalarView(kept.unicodeScalars.prefix(255)))
    .trimmingCharacters(in: .whitespacesAndNewlines)
  return short.isEmpty ? nil : short
}

private func isControl(_ scalar: Unicode.Scalar) -> Bool {
  scalar.properties.generalCategory == .control
}

private func deviceType(_ product: String) -> String? {
  switch product.prefix(while: \.isLetter) {
  case "Watch": "watch"
  case "iPhone": "phone"
  case "iPad": "tablet"
  default: nil
  }
}

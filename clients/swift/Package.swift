// swift-tools-version: 6.0

import PackageDescription

let package = Package(
  name: "OpenWearables",
  platforms: [.iOS(.v15), .macOS(.v12), .tvOS(.v15), .watchOS(.v8), .visionOS(.v1)],
  products: [
    .library(name: "OpenWearables", targets: ["OpenWearables"]),
    .library(name: "OpenWearablesHealth", targets: ["OpenWearablesHealth"]),
    .library(name: "OpenWearablesServer", targets: ["OpenWearablesServer"]),
    .library(name: "OpenWearablesTesting", targets: ["OpenWearablesTesting"]),
  ],
  targets: [
    .target(name: "OpenWearables"),
    .target(name: "OpenWearablesHealth", dependencies: ["OpenWearables"]),
    .target(name: "OpenWearablesServer", dependencies: ["OpenWearables"]),
    .target(name: "OpenWearablesTesting", dependencies: ["OpenWearables"]),
    .executableTarget(
      name: "StoreProcess", dependencies: ["OpenWearables", "OpenWearablesHealth"],
      path: "Tests/StoreProcess"),
    .executableTarget(
      name: "workouts", dependencies: ["OpenWearables"], path: "Examples/CommandLine"),
    .testTarget(
      name: "OpenWearablesTests",
      dependencies: [
        "OpenWearables", "OpenWearablesHealth", "OpenWearablesServer", "OpenWearablesTesting",
        "StoreProcess", "workouts",
      ],
      exclude: ["connect-vectors.json"]),
  ],
  swiftLanguageModes: [.v6]
)

// swift-tools-version: 6.0

import PackageDescription

let package = Package(
  name: "Conformance",
  platforms: [.macOS(.v12)],
  dependencies: [.package(name: "OpenWearables", path: "..")],
  targets: [
    .executableTarget(
      name: "ConformanceClient",
      dependencies: [.product(name: "OpenWearables", package: "OpenWearables")])
  ],
  swiftLanguageModes: [.v6]
)

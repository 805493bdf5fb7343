#!/usr/bin/env bash
# Builds an app of five lines for release and measures its code, which must not grow: what an
# app does not call should cost it nothing. Prints the time of the compiler too.
set -euo pipefail

limit=$((585 << 10)) # bytes
package=$(cd "$(dirname "$0")/../.." && pwd)
root=$(cd "$package/../.." && pwd)
work=$root/.cache/swift/size
mkdir -p "$work/app/Sources/App"
cat >"$work/app/Package.swift" <<-END
	// swift-tools-version: 6.0
	import PackageDescription

	let package = Package(
	  name: "App",
	  dependencies: [.package(path: "../../../../clients/swift")],
	  targets: [
	    .executableTarget(
	      name: "App", dependencies: [.product(name: "OpenWearables", package: "swift")])
	  ]
	)
END
cat >"$work/app/Sources/App/main.swift" <<-END
	import Foundation
	import OpenWearables

	let session = UserSession(baseURL: URL(string: "https://api.example.com")!)
	print(try await UserClient(session).me().email ?? "")
END
cd "$root"
timeout 1500 "$root/internal/dev/tools/swift.sh" bash -c 'time "$@"' bash \
	swift build -c release --package-path "$work/app" --scratch-path "$work/build" 2>&1 | sed '/^\[/d'
python3 - "$work/build/release/App" "$limit" <<-'END'
	import struct, sys

	with open(sys.argv[1], "rb") as file:
	    elf = file.read()
	sections, = struct.unpack_from("<Q", elf, 40)
	size, count, names = struct.unpack_from("<HHH", elf, 58)
	headers = [struct.unpack_from("<IIQQQQ", elf, sections + i * size) for i in range(count)]
	text = elf.index(b"\0.text\0", headers[names][4]) + 1 - headers[names][4]
	code = next(header[5] for header in headers if header[0] == text)
	print(f"an app of five lines has {code >> 10} KiB of code")
	if code > int(sys.argv[2]):
	    sys.exit(f"that is more than {int(sys.argv[2]) >> 10} KiB")
END

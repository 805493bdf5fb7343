#!/usr/bin/env bash
# usage: test.sh [quick]
# Builds, lints and tests the package: messages, stores, the engine against a real server
# behind the fault proxy, the official conformance suite, and the README. Quick ends after
# the tests that need neither the shared scenarios nor several processes.
# SCENARIO_OUTCOMES names a file for what each shared scenario came to. SANITIZE=thread
# runs the tests a second time, under the thread sanitizer.
set -euo pipefail

cd "$(dirname "$0")/../.."
package=clients/swift
swift=internal/dev/tools/swift.sh
cache=$PWD/.cache/swift
outcomes=${SCENARIO_OUTCOMES:+$(realpath -m "$SCENARIO_OUTCOMES")}
export TEST_BINARIES=$cache/bin SCENARIO_OUTCOMES=$cache/scenarios.json
mkdir -p "$TEST_BINARIES"

begun=$SECONDS
step() { printf '\n== swift: %s (at %s s)\n' "$*" $((SECONDS - begun)); }

step toolchain
"$swift" swift --version

step server
go build -trimpath -o "$TEST_BINARIES/" ./server/cmd/openwearables ./clients/go/internal/cmd/faultproxy

step lint
"$swift" swift-format lint --strict --recursive --parallel --configuration "$package/.swift-format" \
	"$package/Package.swift" "$package/Sources" "$package/Tests" "$package/Examples" \
	"$package/Conformance/Package.swift" "$package/Conformance/Sources/ConformanceClient/main.swift"

run() { # run SCRATCH OPTION...
	timeout 1500 "$swift" swift test --package-path "$package" --scratch-path "$cache/$1" "${@:2}" 2>&1 |
		sed -E "/^(\[[0-9]+\/[0-9]+\]|Test (Case|Suite) .* (started|passed) |◇|↳)/d"
}

step test
if [ "${1:-}" = quick ]; then
	run build --skip 'ScenarioTests|ProcessTests'
	exit
fi
run build
if [ -n "${SANITIZE:-}" ]; then
	step "test under the $SANITIZE sanitizer"
	run "$SANITIZE" "--sanitize=$SANITIZE"
fi
if [ -n "$outcomes" ]; then
	python3 -c 'import json, sys; print(json.dumps({"runtime": "Swift", "outcomes": json.load(open(sys.argv[1]))}))' \
		"$SCENARIO_OUTCOMES" >"$outcomes"
fi

step docs
rm -rf "$cache/docs" && mkdir -p "$cache/docs"
target=$("$swift" swiftc -print-target-info | python3 -c 'import json, sys; print(json.load(sys.stdin)["target"]["triple"])')
"$swift" swift-symbolgraph-extract -module-name OpenWearables -target "$target" \
	-I "$cache/build/debug/Modules" -minimum-access-level public -output-dir "$cache/docs"
"$swift" docc convert "$package/Sources/OpenWearables/OpenWearables.docc" --warnings-as-errors \
	--additional-symbol-graph-dir "$cache/docs" --output-path "$cache/docs/out" \
	--fallback-display-name OpenWearables --fallback-bundle-identifier com.openwearables.swift

step conformance
"$package/Conformance/run.sh"

step size
"$package/Tests/Size/run.sh"

step readme
"$package/Tests/Readme/run.sh"

step done

#!/usr/bin/env bash
# Runs the official Connect conformance suite against the Swift client.
# CONNECTCONFORMANCE is the suite's runner; without it, the one in .cache is used, and installed if need be.
set -euo pipefail

cd "$(dirname "$0")/../../.."
version=v1.0.7
here=clients/swift/Conformance
work=$PWD/.cache/swift/conformance
mkdir -p "$work"

if [ -z "${CONNECTCONFORMANCE:-}" ]; then
	CONNECTCONFORMANCE=$PWD/.cache/$(go env GOVERSION)/connectconformance@$version/connectconformance
	if ! [ -x "$CONNECTCONFORMANCE" ]; then
		GOBIN=$(dirname "$CONNECTCONFORMANCE") go install "connectrpc.com/conformance/cmd/connectconformance@$version"
	fi
fi

# The suite's protos come with its module.
protos=$(go mod download -json "connectrpc.com/conformance@$version" |
	python3 -c 'import json, sys; print(json.load(sys.stdin)["Dir"])')/proto
buf=internal/dev/tools/node_modules/.bin/buf
if ! [ -d internal/dev/conformance/gen ]; then
	"$buf" generate "$protos" --template internal/dev/conformance/buf.gen.yaml
fi
paths=()
for name in client_compat config service; do paths+=(--path "$protos/connectrpc/conformance/v1/$name.proto"); done
"$buf" generate "$protos" --template "$here/buf.gen.yaml" "${paths[@]}"

sed -E "s#([[:space:]])\.#\1$PWD#" go.work >"$work/go.work"
printf 'use (\n\t%s\n\t%s\n)\n' "$PWD/internal/dev/conformance" "$PWD/$here/shim" >>"$work/go.work"
GOWORK=$work/go.work go vet "./$here/shim"
GOWORK=$work/go.work go build -o "$work/shim" "./$here/shim"

# In the folder of the package's own tests, whose products it takes.
build=$PWD/.cache/swift/build
internal/dev/tools/swift.sh swift build --package-path "$here" --scratch-path "$build" 2>&1 | sed '/^\[/d'
client=$build/debug/ConformanceClient

exec timeout 600 "$CONNECTCONFORMANCE" --mode client --conf "$here/config.yaml" -- \
	"$work/shim" internal/dev/tools/swift.sh "$client"

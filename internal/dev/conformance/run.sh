#!/usr/bin/env bash
# usage: run.sh [server|client]...
# Runs the official Connect conformance suite against a node of the product and against the Go SDK, or one of them.
# CONNECTCONFORMANCE is the suite's runner; without it, the one in .cache is used, and installed if need be.
set -euo pipefail

cd "$(dirname "$0")/../../.."
version=v1.0.7
work=$PWD/.cache/conformance
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
stamp="$version $(sha256sum internal/dev/conformance/buf.gen.yaml internal/dev/tools/go.sum | sha256sum)"
if [ "$(cat "$work/generated" 2>/dev/null)" != "$stamp" ] || ! [ -d internal/dev/conformance/gen ]; then
	internal/dev/tools/node_modules/.bin/buf generate "$protos" --template internal/dev/conformance/buf.gen.yaml
	echo "$stamp" >"$work/generated"
fi

{ sed -E "s#([[:space:]])\.#\1$PWD#" go.work && echo "use $PWD/internal/dev/conformance"; } >"$work/go.work"
export GOWORK=$work/go.work
go vet ./internal/dev/conformance/...
go build -o "$work/" ./internal/dev/conformance/server ./internal/dev/conformance/client

for side in ${*:-server client}; do
	known=()
	for kind in failing flaky; do
		list=internal/dev/conformance/$side/known-$kind.txt
		if [ -e "$list" ]; then known+=("--known-$kind" "@$list"); fi
	done
	timeout 600 "$CONNECTCONFORMANCE" --mode "$side" --conf "internal/dev/conformance/$side/config.yaml" "${known[@]}" -- "$work/$side"
done

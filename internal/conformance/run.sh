#!/usr/bin/env bash
# Runs the official Connect conformance suite against a node of the product.
# CONNECTCONFORMANCE is the suite's runner; without it, the one in .cache is used, and installed if need be.
set -euo pipefail

cd "$(dirname "$0")/../.."
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
stamp="$version $(sha256sum internal/conformance/buf.gen.yaml internal/tools/go.sum | sha256sum)"
if [ "$(cat "$work/generated" 2>/dev/null)" != "$stamp" ] || ! [ -d internal/conformance/gen ]; then
	internal/tools/node_modules/.bin/buf generate "$protos" --template internal/conformance/buf.gen.yaml
	echo "$stamp" >"$work/generated"
fi

printf 'go 1.26.0\n\nuse (\n\t%s\n\t%s\n)\n' "$PWD" "$PWD/internal/conformance" >"$work/go.work"
export GOWORK=$work/go.work
go vet ./internal/conformance
go build -o "$work/server" ./internal/conformance

exec "$CONNECTCONFORMANCE" --mode server --conf internal/conformance/config.yaml \
	--known-failing @internal/conformance/known-failing.txt \
	--known-flaky @internal/conformance/known-flaky.txt -- "$work/server"

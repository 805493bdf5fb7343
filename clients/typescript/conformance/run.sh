#!/usr/bin/env bash
# Runs the official Connect conformance suite against this SDK's client and its transport, in Node and in Chromium.
# CONNECTCONFORMANCE is the suite's runner; without it, the one in .cache is used, and installed if need be.
set -euo pipefail

cd "$(dirname "$0")/../../.."
version=v1.0.7
here=clients/typescript/conformance

if [ -z "${CONNECTCONFORMANCE:-}" ]; then
	CONNECTCONFORMANCE=$PWD/.cache/$(go env GOVERSION)/connectconformance@$version/connectconformance
	if ! [ -x "$CONNECTCONFORMANCE" ]; then
		GOBIN=$(dirname "$CONNECTCONFORMANCE") go install "connectrpc.com/conformance/cmd/connectconformance@$version"
	fi
fi

# The suite's protos come with its module, buf and protoc-gen-es with the tools of the repository.
tools=internal/dev/tools/node_modules/.bin
if ! [ -x $tools/buf ]; then (cd internal/dev/tools && npm ci --no-audit --no-fund); fi
protos=$(go mod download -json "connectrpc.com/conformance@$version" |
	node -p 'JSON.parse(require("fs").readFileSync(0)).Dir')/proto
$tools/buf generate "$protos" --template $here/buf.gen.yaml

cd clients/typescript
node_modules/.bin/tsc -p conformance
for how in plain connect; do
	for runtime in node chromium; do
		echo "$runtime, $how:"
		timeout 600 "$CONNECTCONFORMANCE" --mode client --conf conformance/$runtime-$how.yaml \
			--known-failing @conformance/known-failing-$how.txt -- \
			node build/conformance/client.js $runtime $how
	done
done

#!/usr/bin/env bash
# usage: run.sh [-tier short|full] [-only NAME,...]
# The full tier needs a tree without changes and replaces its rows in RELIABILITY.md.
# Puts the promises about crashes, outages and many nodes to the test on this machine.
# Needs Debian's postgresql, redis-server and strace, and root to mount a small file
# system.
set -euo pipefail

cd "$(dirname "$0")"
export GOWORK=off
go vet ./...
go test ./...
mkdir -p ../../../.cache/reliability/bin
go build -o ../../../.cache/reliability/bin/reliability .
exec ../../../.cache/reliability/bin/reliability -root ../../.. "$@"

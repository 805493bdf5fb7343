#!/usr/bin/env bash
# usage: run.sh [-tier short|full] [-only NAME,...]
# Proves on this machine what is promised about crashes, outages and many nodes. Needs Debian's postgresql, redis-server and strace, and root to mount a small file system.
set -euo pipefail

cd "$(dirname "$0")"
export GOWORK=off
go vet ./...
go test ./...
mkdir -p ../../../.cache/reliability/bin
go build -o ../../../.cache/reliability/bin/reliability .
exec ../../../.cache/reliability/bin/reliability -root ../../.. "$@"

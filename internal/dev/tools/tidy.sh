#!/usr/bin/env bash
# usage: tidy.sh [-diff]
# Tidies every module of the product, or with -diff fails if one is not tidy. What they require of one another comes
# from this tree, as go.work says, since those versions need not be published yet; go mod tidy alone reads no go.work.
# go.work.sum gets every sum that a go command would add to it, so that none leaves a clone changed.
set -euo pipefail

root=$PWD
own=github.com/openwearables/openwearables
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

cp go.work.sum "$work/go.work.sum"
go list -m all >/dev/null
if [ "${1-}" = -diff ] && ! diff -u "$work/go.work.sum" go.work.sum; then
	cp "$work/go.work.sum" .
	exit 1
fi
rm "$work/go.work.sum"
export GOWORK=off

tidy() {
	cd "$root/$1"
	cp go.mod "$work/go.mod"
	if [ -e go.sum ]; then cp go.sum "$work"; fi
	go mod edit -replace="$own/clients/go=$root/clients/go" \
		-replace="$own/gen/openwearables=$root/gen/openwearables" "$work/go.mod"
	go mod tidy -modfile="$work/go.mod" "${@:2}"
	if [ $# -eq 1 ]; then
		go mod edit -dropreplace="$own/clients/go" -dropreplace="$own/gen/openwearables" "$work/go.mod"
		cp "$work/go.mod" "$work/go.sum" .
	fi
	rm -f "$work"/*
}

for module in gen/openwearables clients/go clients/go/oauth2 .; do tidy "$module" "$@"; done
for module in clients/go/examples/opentelemetry internal/dev/docs internal/dev/reliability; do
	cd "$root/$module"
	go mod tidy "$@"
done

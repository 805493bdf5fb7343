#!/usr/bin/env bash
# usage: fuzz.sh DURATION [PACKAGE...]
# Fuzzes every fuzz target of the packages, all of them by default, for that long each.
set -euo pipefail

duration=$1
shift
packages=("${@:-./...}")
binary=$(mktemp)
trap 'rm -f "$binary"' EXIT
corpus=$(go env GOCACHE)/fuzz

while read -r package folder; do
	grep -qs '^func Fuzz' "$folder"/*_test.go || continue
	go test -c -fuzz . -o "$binary" "$package"
	for target in $("$binary" -test.list '^Fuzz'); do
		echo "-- $package $target"
		if ! told=$(cd "$folder" && "$binary" -test.run '^$' -test.fuzz "^$target\$" -test.fuzztime "$duration" \
			-test.fuzzminimizetime 5s -test.fuzzcachedir "$corpus/$package" 2>&1); then
			echo "$told" >&2
			exit 1
		fi
		grep '^fuzz: elapsed' <<<"$told" | tail -n 1
	done
done < <(go list -f '{{.ImportPath}} {{.Dir}}' "${packages[@]}")

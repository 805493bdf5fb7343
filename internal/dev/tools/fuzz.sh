#!/usr/bin/env bash
# usage: fuzz.sh DURATION [PACKAGE...]
# Fuzzes every fuzz target of the packages, all of them by default, for that long each.
set -euo pipefail

duration=$1
shift
packages=("${@:-work}")
binary=$(mktemp)
trap 'rm -f "$binary"' EXIT
corpus=$(go env GOCACHE)/fuzz

while read -r package folder; do
	grep -qs '^func Fuzz' "$folder"/*_test.go || continue
	go test -c -fuzz . -o "$binary" "$package"
	for target in $("$binary" -test.list '^Fuzz'); do
		echo "-- $package $target"
		for try in 1 2 3; do
			told=$(cd "$folder" && "$binary" -test.run '^$' -test.fuzz "^$target\$" -test.fuzztime "$duration" \
				-test.fuzzminimizetime 5s -test.fuzzcachedir "$corpus/$package" 2>&1) && break
			# The end of the time may catch a worker at work, which is no finding.
			if [ "$try" = 3 ] || grep -q 'Failing input\|panic' <<<"$told" || ! grep -q '^ *context deadline exceeded$' <<<"$told"; then
				echo "$told" >&2
				exit 1
			fi
		done
		grep '^fuzz: elapsed' <<<"$told" | tail -n 1
	done
done < <(go list -f '{{.ImportPath}} {{.Dir}}' "${packages[@]}")

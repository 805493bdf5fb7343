#!/usr/bin/env bash
# usage: size-test.sh BINARY
# Fails if the binary that is released for linux/amd64 is larger than it may be, so that what makes it grow is noticed
# with the change that does.
set -euo pipefail

most=35500000 # bytes: 1 % more than it was when this was set

system=$(go env GOOS)/$(go env GOARCH)
[ "$system" = linux/amd64 ] || { echo "$1 is for $system, where its size has no limit"; exit 0; }
size=$(stat -c %s "$1")
if [ "$size" -gt "$most" ]; then
	cat >&2 <<-END
		size-test.sh: $1 has $size bytes, and may have $most. What the change needs of that, add to the limit in
		internal/dev/release/size-test.sh, and say so in its message. Two or more MB at once are a package that calls
		methods by name, such as text/template, for which the linker keeps all: look for <ReflectMethod> in
		go build -ldflags=-dumpdep, and for the rest in go tool nm -size -sort size.
	END
	exit 1
fi
echo "$1 has $size bytes of at most $most"

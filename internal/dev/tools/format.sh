#!/usr/bin/env bash
# usage: format.sh GOFUMPT -l|-w
# Lists the hand-written Go files that are not formatted, and fails if there are any; or formats them.
set -euo pipefail

unformatted=$(git ls-files --cached --others --exclude-standard -z '*.go' |
	xargs -0 grep -sLZ '^// Code generated .* DO NOT EDIT\.$' |
	xargs -0 -r "$1" "$2")
if [ -n "$unformatted" ]; then
	echo "not formatted (make fmt):"
	echo "$unformatted"
	exit 1
fi >&2

#!/usr/bin/env bash
# usage: generated.sh COMMAND...
# Runs the command that generates code and fails, naming the files, if that changed, added or removed any.
set -euo pipefail

folders=(gen)
for folder in clients/typescript/src/gen clients/typescript/src/schema clients/swift/Sources/OpenWearables/Generated; do
	if [ -d "$folder" ]; then folders+=("$folder"); fi
done
snapshot() { find "${folders[@]}" -type f -print0 | sort -z | xargs -0 -r sha256sum; }

before=$(snapshot)
"$@"
if ! changed=$(diff <(echo "$before") <(snapshot)); then
	echo "not as generated (they are now; commit them):" >&2
	awk '/^[<>]/ { print "  " $3 }' <<<"$changed" | sort -u >&2
	exit 1
fi

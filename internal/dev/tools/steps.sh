#!/usr/bin/env bash
# usage: steps.sh TARGET...
# Makes each target in turn and stops at the first that fails. The last lines say how long each took and which failed.
set -uo pipefail

now() { echo "${EPOCHREALTIME/[.,]/}"; } # microseconds
took() { awk -v us="$(($(now) - $1))" 'BEGIN { printf "%7.1f s", us / 1e6 }'; }

begun=$(now)
summary=()
failed=
for step; do
	if [ -n "$failed" ]; then
		summary+=("  --              $step: not run")
		continue
	fi
	printf '\n== %s\n' "$step"
	start=$(now)
	if ${MAKE:-make} "$step"; then
		summary+=("  ok    $(took "$start")  $step")
	else
		summary+=("  FAIL  $(took "$start")  $step")
		failed=$step
	fi
done

printf '\n== summary\n'
printf '%s\n' "${summary[@]}" "        $(took "$begun")  in all"
if [ -n "$failed" ]; then
	echo "failed: $failed (run it alone with: make $failed)" >&2
	exit 1
fi

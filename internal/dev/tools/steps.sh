#!/usr/bin/env bash
# usage: steps.sh STEP...
# Makes each step in turn and stops at the first that fails. A step is a target, or
# several with + between them that are made side by side, each of whose output is
# printed whole when it ends. A target fails that takes longer than LIMIT, 30m by
# default. The last lines say how long each took and which failed.
set -uo pipefail

now() { echo "${EPOCHREALTIME/[.,]/}"; } # microseconds
took() { awk -v us="$(($(now) - $1))" 'BEGIN { printf "%7.1f s", us / 1e6 }'; }

limit=${LIMIT:-30m}
logs=$(mktemp -d)
trap 'kill $(jobs -pr) 2>/dev/null; rm -rf "$logs"' EXIT
trap 'exit 130' INT TERM

# launch TARGET: makes it in the background.
launch() {
	timeout --kill-after=30 "$limit" "${MAKE:-make}" "$1" &
	running[$!]=$1
}

# finish PID STATUS: notes how the target ended.
finish() {
	local target=${running[$1]}
	unset "running[$1]"
	if [ -e "$logs/$target" ]; then
		printf '\n== %s\n' "$target"
		cat "$logs/$target"
		rm "$logs/$target"
	fi
	case $2 in
	0) summary+=("  ok    $(took "$start")  $target") && return ;;
	124 | 137) summary+=("  FAIL  $(took "$start")  $target: it took longer than $limit") ;;
	*) summary+=("  FAIL  $(took "$start")  $target") ;;
	esac
	failed+=${failed:+ }$target
}

begun=$(now)
summary=()
failed=
declare -A running
for step; do
	IFS=+ read -ra targets <<<"$step"
	if [ -n "$failed" ]; then
		for target in "${targets[@]}"; do summary+=("  --              $target: not run"); done
		continue
	fi
	printf '\n== %s\n' "$step"
	start=$(now)
	if [ ${#targets[@]} -eq 1 ]; then
		launch "$step"
	else
		for target in "${targets[@]}"; do launch "$target" >"$logs/$target" 2>&1; done
	fi
	while [ ${#running[@]} -gt 0 ]; do
		wait -n -p pid "${!running[@]}"
		finish "$pid" $?
	done
done

printf '\n== summary\n'
printf '%s\n' "${summary[@]}" "        $(took "$begun")  in all"
if [ -n "$failed" ]; then
	echo "failed: $failed (run it alone with: make $failed)" >&2
	exit 1
fi

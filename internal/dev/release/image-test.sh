#!/usr/bin/env bash
# usage: image-test.sh BINARY
# Builds the image of the Dockerfile without an engine and without a registry, runs its root as another user, who may
# write nothing but /data and /tmp, and asks it by the health check of the image.
set -euo pipefail

die() { echo "image-test.sh: $*" >&2; exit 1; }
for tool in buildah bwrap; do
	command -v "$tool" >/dev/null || die "there is no $tool: run internal/dev/tools/system.sh"
done
work=$(mktemp -d)
server=
cleanup() {
	if [ -n "$server" ]; then kill "$server" 2>/dev/null && wait "$server" 2>/dev/null; fi
	"${buildah[@]}" umount --all >/dev/null 2>&1
	rm -rf "$work"
}
export XDG_RUNTIME_DIR=$work CONTAINERS_REGISTRIES_CONF=$work/registries.conf
buildah=(buildah --root "$work/images" --runroot "$work/run" --storage-driver vfs)
trap 'cleanup || true' EXIT
: >"$CONTAINERS_REGISTRIES_CONF"
echo '{"default": [{"type": "insecureAcceptAnything"}]}' >"$work/policy.json"

here=$(dirname "$0")
mkdir "$work/context"
cp Dockerfile .dockerignore "$work/context"
"$here/image-root.sh" "$1" "$work/context/dist/image"
"${buildah[@]}" bud --quiet --isolation chroot --format docker --timestamp 0 --signature-policy "$work/policy.json" \
	-t openwearables "$work/context" >/dev/null

config=$("${buildah[@]}" inspect --type image openwearables)
field() { python3 -c 'import json, sys; print(json.dumps(json.load(sys.stdin)["Docker"]["config"].get(sys.argv[1])))' "$1" <<<"$config"; }
expect() { [ "$(field "$1")" = "$2" ] || die "the image has the $1 $(field "$1"), want $2"; }
expect User '"65532:65532"'
expect Entrypoint '["/openwearables"]'
expect Cmd '["serve"]'
expect WorkingDir '"/data"'
python3 -c 'import json, sys; sys.exit(json.loads(sys.argv[1])["Test"] != ["CMD", "/openwearables", "health"])' "$(field Healthcheck)" ||
	die "the image has the health check $(field Healthcheck)"

container=$("${buildah[@]}" from --signature-policy "$work/policy.json" localhost/openwearables)
root=$("${buildah[@]}" mount "$container")
[ "$(stat -c '%u:%g %a' "$root/data")" = '65532:65532 700' ] || die "/data is $(stat -c '%u:%g %a' "$root/data")"
others=$(cd "$root" && find . -type f | sort | tr '\n' ' ')
[ "$others" = './etc/ssl/certs/ca-certificates.crt ./openwearables ' ] || die "the image holds $others"
mkdir -p "$root/proc" "$root/dev" # as an engine does

address=127.0.0.1:0
run() {
	bwrap --unshare-user --unshare-pid --unshare-ipc --unshare-uts --uid 65532 --gid 65532 --ro-bind "$root" / \
		--proc /proc --dev /dev --tmpfs /data --tmpfs /tmp --cap-drop ALL --new-session --die-with-parent --clearenv \
		--chdir /data --setenv OPENWEARABLES_ADDR "$address" -- /openwearables "$@"
}
run version
run serve >"$work/out" 2>"$work/log" &
server=$!
for _ in $(seq 200); do
	kill -0 "$server" 2>/dev/null || die "the server ended: $(cat "$work/log")"
	address=$(sed -n 's|^openwearables is ready on http://\([0-9.:]*\) .*|\1|p' "$work/out")
	[ -z "$address" ] || break
	sleep 0.1
done
[ -n "$address" ] || die "it is not ready within 20 seconds: $(cat "$work/out" "$work/log")"
[ "$(run health)" = ok ] || die "the health check does not take it for alive"
kill "$server"
wait "$server" || true
server=
if run health 2>/dev/null; then die "the health check takes a server for alive that has ended"; fi
echo "the image serves, as a user who can write nothing else"

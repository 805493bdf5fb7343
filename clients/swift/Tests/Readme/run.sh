#!/usr/bin/env bash
# Releases the package, as it lies here, to a repository on this disk, and takes it from
# there as the README says: its manifest resolves, its snippets compile, its server and its
# backend run against a real server, and so do the blocks of Swift in the guides of /docs.
# TEST_BINARIES is the folder of that server's binary.
set -euo pipefail

package=$(cd "$(dirname "$0")/../.." && pwd)
root=$(cd "$package/../.." && pwd)
swift=$root/internal/dev/tools/swift.sh
work=$root/.cache/swift/readme
folder=$(mktemp -d)
pids=()
trap 'for pid in "${pids[@]}"; do kill "$pid" 2>/dev/null || true; done; rm -rf "$folder"' EXIT

snippet() { # snippet LANGUAGE TAG
	cat "$package/README.md" "$package/HEALTHKIT.md" |
		awk -v fence="\`\`\`$1 $2" '$0 == fence {on = 1; found = 1; next} $0 == "```" {on = 0} on
		END {exit !found}'
}

echo "-- release"
rm -rf "$work/mono" "$work/remote.git" "$work/shop/Sources" "$work/snippets"
mkdir -p "$work/mono/clients/swift" "$work/shop/Sources/Shop" "$work/shop/Tests/ShopTests" "$work/snippets"
tar -C "$package" -cf - --exclude=.build --exclude=Generated/Package.resolved . | tar -C "$work/mono/clients/swift" -xf -
# Fixed dates: what has not changed since the last run is the same commit.
export GIT_AUTHOR_DATE=2026-01-01T00:00:00Z GIT_COMMITTER_DATE=2026-01-01T00:00:00Z
git -C "$work/mono" init --quiet --initial-branch=main
git -C "$work/mono" add --all
git -C "$work/mono" -c user.name=release -c user.email=release@example.com commit --quiet --message="All of it"
git init --quiet --bare --initial-branch=main "$work/remote.git"
version=$(sed -n 's/.*static let version = "\(.*\)"/\1/p' "$package/Sources/OpenWearables/OpenWearablesClient.swift")
"$work/mono/clients/swift/release.sh" "$version" "$work/remote.git"
if "$work/mono/clients/swift/release.sh" "$version" "$work/remote.git" 2>/dev/null; then
	echo "a version was released twice" >&2
	exit 1
fi

echo "-- consume"
snippet swift manifest >"$work/shop/Package.swift"
snippet swift server >"$work/shop/Sources/Shop/main.swift"
for tag in events session store developer errors rpc upload network; do snippet swift "$tag" >"$work/shop/Sources/Shop/$tag.swift"; done
snippet swift tests >"$work/shop/Tests/ShopTests/ShopTests.swift"
guides=$(awk '/^```swift / {out = work "/guide-" ++n ".swift"; names = names " " $2; next} /^```$/ {out = ""} out {print >out}
	END {print names}' work="$work/shop/Sources/Shop" "$root"/server/docs/*.md)
[ "$guides" = " read errors verify session week" ] # each is called below
cat >>"$work/shop/Sources/Shop/main.swift" <<'END'
try await printDistance(ow, of: userID)
try await look(ow)
try await verify(environment["OPENWEARABLES_API_KEY"] ?? "", ow)
let session = makeSession(api: url, backend: url, store: .memory())
try await session.signIn(tokens)
try await printWeek(session)
END
export GIT_CONFIG_COUNT=1 GIT_CONFIG_KEY_0=url.file://$work/remote.git.insteadOf
export GIT_CONFIG_VALUE_0=https://github.com/openwearables/openwearables-swift.git
cd "$root"
released=$(git -C "$work/remote.git" rev-parse main)
checkout=$work/build/checkouts/openwearables-swift
if [ "$(git -C "$checkout" rev-parse HEAD 2>/dev/null)" != "$released" ]; then
	rm -rf "$work/before"
	[ ! -d "$checkout" ] || mv "$checkout" "$work/before"
	rm -rf "$work/shop/Package.resolved" "$work/build/checkouts" "$work/build/repositories" "$work/build/workspace-state.json"
	"$swift" swift package resolve --package-path "$work/shop" --scratch-path "$work/build"
	[ "$(git -C "$checkout" rev-parse HEAD)" = "$released" ]
	# A source that has not changed stays the same file, so that it is not compiled again.
	[ ! -d "$work/before" ] || (cd "$work/before" && find Sources -type f | while read -r file; do
		! cmp -s "$file" "$checkout/$file" || mv -f "$file" "$checkout/$file"
	done)
fi
"$swift" swift build --build-tests --package-path "$work/shop" --scratch-path "$work/build" 2>&1 | sed '/^\[/d'
bin=$work/build/debug
unset GIT_CONFIG_COUNT

echo "-- compile the snippets of iOS"
check() { "$swift" swiftc -swift-version 6 -parse-as-library -I "$work/snippets" -I "$bin/Modules" "$@"; }
module() { check -emit-module -module-name "$1" -o "$work/snippets/$1.swiftmodule" "${@:2}"; }
module SwiftUI "$package/Tests/Readme/SwiftUI.swift" &
started=$!
module HealthKit "$package/Tests/Readme/HealthKit.swift"
module BackgroundSessions "$package/Tests/Readme/BackgroundSessions.swift"
module OpenWearablesHealth -package-name openwearables_swift -D CHECKING_BACKGROUND_TRANSFERS \
	"$package"/Sources/OpenWearablesHealth/*.swift
wait "$started"
for tag in app widget health background; do snippet swift "$tag" >"$work/snippets/$tag.swift"; done
check -typecheck "$package"/Examples/WorkoutsApp/*.swift
check -typecheck "$work/snippets"/*.swift &
started=$!
check -typecheck -D CHECKING_OBSERVATION "$package/Sources/OpenWearables/ObservableSession.swift"
wait "$started"

echo "-- run the servers"
get() { python3 -c 'import json, sys; v = json.load(sys.stdin); [v := v[k] for k in sys.argv[1:]]; print(v)' "$@"; }
await() { # await COMMAND...: until it succeeds, for 30 seconds
	local end=$((SECONDS + 30))
	until "$@"; do
		if [ "$SECONDS" -ge "$end" ]; then
			echo "not within 30 seconds: $*" >&2
			return 1
		fi
		sleep 0.05
	done
}
password=$(head -c 12 /dev/urandom | od -An -tx1 | tr -d ' \n')
rm -f "$work"/test.db* "$work/ready"
database=sqlite:$work/test.db
echo "$password" | timeout 60 "$TEST_BINARIES/openwearables" developer create --database "$database" \
	--email dev@example.com --password-stdin >/dev/null
timeout 600 "$TEST_BINARIES/openwearables" serve --database "$database" --addr 127.0.0.1:0 --log-level error >"$work/ready" &
pids+=($!)
await grep -qs '^openwearables is ready on ' "$work/ready"
base=$(sed -n 's/^openwearables is ready on \(http:[^ ]*\) .*/\1/p' "$work/ready")
token=
post() { # post RPC JSON
	curl --silent --fail --max-time 20 \
		-H "Content-Type: application/json" ${token:+-H "Authorization: Bearer $token"} \
		-d "$2" "$base/openwearables.v1.$1"
}
token=$(post SessionService/Login "{\"email\": \"dev@example.com\", \"password\": \"$password\"}" | get tokens accessToken)
user=$(post UserService/CreateUser '{"email": "ada@example.com"}' | get user id)
app=$(post ApplicationService/CreateApplication '{"name": "shop"}')
export OPENWEARABLES_BASE_URL=$base USER_ID=$user
OPENWEARABLES_APP_ID=$(get application appId <<<"$app")
OPENWEARABLES_APP_SECRET=$(get appSecret <<<"$app")
OPENWEARABLES_API_KEY=$(post KeyService/CreateKey '{}' | get secret)
export OPENWEARABLES_APP_ID OPENWEARABLES_APP_SECRET OPENWEARABLES_API_KEY

said=$(timeout 120 "$swift" "$bin/Shop")
grep -q "^$user ada@example.com" <<<"$said" && grep -q "^1 created \[\]" <<<"$said" && grep -q "^running 20.* 3600$" <<<"$said" && grep -q "bytes for the app" <<<"$said"
for line in "^10000 m$" "^there is no such user$" "^true .* key:" "^running 20.* +0000$"; do grep -q "$line" <<<"$said"; done

snippet js backend >"$work/backend.mjs"
socket=$folder/backend # a path in PORT is a socket for Node, and nobody else's
PORT=$socket timeout 600 node "$work/backend.mjs" &
pids+=($!)
await test -S "$socket"
pair=$(curl --silent --fail --max-time 20 --unix-socket "$socket" -X POST http://backend/ow-token)
token=$(get access_token <<<"$pair")
[ "$(post UserService/GetUser "{\"id\": \"$user\"}" | get user id)" = "$user" ]
echo "the README holds"

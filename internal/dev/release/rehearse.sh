#!/usr/bin/env bash
# usage: rehearse.sh VENV
# Makes a whole release, for every system and npm, of the commit of this tree, with a key and repositories that are
# thrown away.
set -euo pipefail

venv=$(realpath "$1")
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
git clone --quiet . "$work/source"
cd "$work/source"
version=$(sed -n 's/^const Version = "\(.*\)"$/\1/p' server/version.go)
git config user.name Rehearsal
git config user.email rehearsal@example.com
if grep -q "^## $version, unreleased" CHANGELOG.md; then
	sed -i "s/^## $version, unreleased/## $version, $(date -u +%F)/" CHANGELOG.md
	git commit --quiet -am "Date the release"
fi
ssh-keygen -q -t ed25519 -N '' -f "$work/key"
git init --quiet --bare "$work/remote"
git init --quiet --bare "$work/swift"
VENV=$venv internal/dev/release/release.sh -key "$work/key" -push "$work/remote" -swift "$work/swift" "$work/release"
ls -l "$work/release"

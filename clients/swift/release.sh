#!/usr/bin/env bash
# usage: release.sh VERSION REMOTE
# Publishes this folder, as it is committed, as the root of a repository of its own: its
# history goes to REMOTE's main, with the tag VERSION. Swift packages are fetched by
# repository and tag, never by folder.
set -euo pipefail

die() { echo "release.sh: $*" >&2; exit 1; }
[ $# = 2 ] || die "usage: release.sh VERSION REMOTE"
version=$1 remote=$2

folder=$(cd "$(dirname "$0")" && pwd)
cd "$(git -C "$folder" rev-parse --show-toplevel)"
prefix=${folder#"$PWD"/}
[ -z "$(git status --porcelain -- "$prefix")" ] || die "$prefix has changes that are not committed"
grep -q "static let version = \"$version\"" "$prefix/Sources/OpenWearables/OpenWearablesClient.swift" ||
	die "OpenWearablesClient.version is not $version"
[ -z "$(git ls-remote --tags "$remote" "refs/tags/$version")" ] || die "$remote has a $version already"

commit=$(git subtree split -q --prefix="$prefix" HEAD)
git push --atomic "$remote" "$commit:refs/heads/main" "$commit:refs/tags/$version"
echo "$commit is $version of $remote"

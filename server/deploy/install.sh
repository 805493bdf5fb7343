#!/bin/sh
# usage: install.sh [--version X.Y.Z] [--to FOLDER] [--signers FILE] [--from URL]
# Downloads a release of openwearables for this system, checks it against SHA256SUMS, checks the signature of these, and
# puts the program into FOLDER, ~/.local/bin by default. It changes nothing else, and nothing at all if a check fails.
# --signers is a file with the maintainers' key, as SECURITY.md says; --from is where the releases are.
set -eu

# The key with which releases are signed, such as "ssh-ed25519 AAAA...". It is here from the first release on.
key=''

say() { echo "install.sh: $*" >&2; }
die() { say "$*"; exit 1; }

# main is called in the last line, so that a part of this script does nothing.
main() {
version='' to="${HOME:-}/.local/bin" signers='' from=https://github.com/openwearables/openwearables/releases
while [ $# -gt 0 ]; do
	[ $# -ge 2 ] || die "$1 needs a value"
	case $1 in
	--version) version=${2#v} ;;
	--to) to=$2 ;;
	--signers) signers=$2 ;;
	--from) from=${2%/} ;;
	*) die "there is no option $1: see the first lines of this script" ;;
	esac
	shift 2
done
case $to in /*) ;; *) to=$PWD/$to ;; esac
[ ! -d "$to/openwearables" ] || die "$to/openwearables is a folder: give another one with --to"

case $(uname -s) in
Linux) system=linux ;;
Darwin) system=darwin ;;
*) die "there is no archive for $(uname -s) that this script knows: download one, or use go install" ;;
esac
case $(uname -m) in
x86_64 | amd64) processor=amd64 ;;
aarch64 | arm64) processor=arm64 ;;
*) die "there is no archive for $(uname -m): use go install" ;;
esac

work=$(mktemp -d)
trap 'rm -rf "$work" "$to/.openwearables.$$"' EXIT
trap 'exit 1' HUP INT TERM
if [ -n "$key" ] && [ -z "$signers" ]; then
	signers=$work/signers
	echo "release $key" >"$signers"
fi

# fetch NAME: downloads a file of the release, of 200 MB at most.
fetch() {
	if [ -n "$version" ]; then path=download/v$version; else path=latest/download; fi
	case $from in https:*) only='=https' ;; *) only='=http' ;; esac
	curl --proto "$only" --fail --silent --show-error --location --max-filesize 200000000 --max-time 600 --output "$work/$1" "$from/$path/$1" ||
		die "$from/$path/$1 could not be downloaded"
}
sum() { if command -v sha256sum >/dev/null; then sha256sum "$1"; else shasum -a 256 "$1"; fi | cut -d ' ' -f 1; }

command -v curl >/dev/null || die "it needs curl"
fetch SHA256SUMS
if [ -n "$signers" ]; then
	command -v ssh-keygen >/dev/null || die "it needs ssh-keygen to check the signature"
	fetch SHA256SUMS.sig
	ssh-keygen -q -Y verify -f "$signers" -I release -n openwearables-release -s "$work/SHA256SUMS.sig" <"$work/SHA256SUMS" >/dev/null ||
		die "the signature of SHA256SUMS is not the maintainers': do not use this release, and tell them as SECURITY.md says"
else
	say "the signature is not checked, since no key is known: give --signers, as SECURITY.md says"
fi
line=$(grep "^[0-9a-f]\{64\}  openwearables_[0-9A-Za-z.+-]*_${system}_$processor\.tar\.gz\$" "$work/SHA256SUMS") ||
	die "the release has nothing for $system on $processor"
archive=${line#*  }
case $archive in openwearables_${version:-[0-9]*}_*) ;; *) die "the sums are those of $archive, not of $version" ;; esac
fetch "$archive"
[ "$(sum "$work/$archive")" = "${line%%  *}" ] || die "$archive is not the one that SHA256SUMS names"
tar -xzf "$work/$archive" -C "$work" "${archive%.tar.gz}/openwearables"
mkdir -p "$to"
cp "$work/${archive%.tar.gz}/openwearables" "$to/.openwearables.$$"
chmod 755 "$to/.openwearables.$$"
mv "$to/.openwearables.$$" "$to/openwearables" # at once, also while it runs
"$to/openwearables" version
case :$PATH: in *":$to:"*) ;; *) say "$to is not in PATH" ;; esac
}

main "$@"

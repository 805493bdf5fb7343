#!/bin/sh
# Runs a command with a Swift 6 toolchain in the current folder:
#
#	internal/dev/tools/swift.sh swift build --package-path clients/swift
#
# The toolchain is the system's, else Debian's swiftlang if that is installed, else
# Debian's swiftlang unpacked once into SWIFT_TREE or the cache folder. The last sees
# the repository and the network, and nothing else of the machine. Without any, the
# script fails and names what is missing.
set -eu

die() { echo "swift.sh: $*" >&2; exit 1; }

if command -v swift >/dev/null 2>&1 && swift --version 2>/dev/null | grep -q 'Swift version [6-9]'; then
	exec "$@"
fi
if [ -x /usr/libexec/swift/bin/swift ]; then
	PATH=/usr/libexec/swift/bin:$PATH exec "$@"
fi
[ "$(uname -s)" = Linux ] || die "no Swift 6 toolchain: install Xcode 16 or a toolchain of swift.org"

install() {
	command -v "$1" >/dev/null && return
	command -v apt-get >/dev/null || die "no Swift 6 toolchain, and $1 is missing to make one: install $2"
	{ apt-get install -y --no-install-recommends "$2" ||
		{ apt-get update && apt-get install -y --no-install-recommends "$2"; }; } >&2 ||
		die "no Swift 6 toolchain, and the package $2 cannot be installed to make one"
}

tree=${SWIFT_TREE:-${XDG_CACHE_HOME:-$HOME/.cache}/swift-trixie}
if [ ! -e "$tree/.complete" ]; then
	install mmdebstrap mmdebstrap
	install bwrap bubblewrap
	mkdir -p "$(dirname "$tree")"
	exec 9>"$tree.lock"
	flock --wait 1800 9 || die "another one has been making $tree for half an hour"
	if [ ! -e "$tree/.complete" ]; then
		! grep -qs " $tree/" /proc/self/mounts || die "$tree has mounts: unmount them first"
		rm -rf --one-file-system "$tree"
		x=/usr/libexec/swift
		mmdebstrap --quiet --variant=minbase \
			--include=swiftlang,libc6-dev,libstdc++-14-dev,libcurl4t64,libxml2,ca-certificates,tzdata,git \
			--aptopt='APT::Install-Recommends "false"' \
			--dpkgopt="path-exclude=$x/lib/swift_static/*" --dpkgopt="path-exclude=$x/lib/liblldb*" \
			--dpkgopt="path-exclude=$x/lib/libsourcekitd*" --dpkgopt="path-exclude=$x/bin/lldb*" \
			--dpkgopt="path-exclude=$x/bin/clangd" --dpkgopt="path-exclude=$x/bin/sourcekit-lsp" \
			--dpkgopt='path-exclude=/usr/share/doc/*' --dpkgopt='path-exclude=/usr/share/man/*' \
			--dpkgopt='path-exclude=/usr/share/locale/*' \
			trixie "$tree" >&2 || die "the Swift toolchain cannot be made in $tree: mmdebstrap failed"
		touch "$tree/.complete"
	fi
	exec 9>&-
fi
install bwrap bubblewrap

root=$(cd "$(dirname "$0")/../../.." && pwd)
set -- --chdir "$PWD" --die-with-parent "$@"
case $PWD/ in "$root"/*) ;; *) set -- --bind "$PWD" "$PWD" "$@" ;; esac
for name in bin sbin lib lib64; do set -- --symlink "usr/$name" "/$name" "$@"; done
exec bwrap --unshare-pid --ro-bind "$tree/usr" /usr --ro-bind "$tree/etc" /etc --dev /dev --proc /proc \
	--tmpfs /tmp --tmpfs /root --setenv HOME /root --setenv PATH /usr/libexec/swift/bin:/usr/bin:/bin \
	--bind "$root" "$root" "$@"

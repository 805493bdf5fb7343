#!/usr/bin/env bash
# Installs the Debian packages that the tests need and that are missing. Go, Node and Python must be there.
set -euo pipefail

missing=()
need() { command -v "$1" >/dev/null || missing+=("$2"); }
need git git
need gcc gcc # go test -race
if ! [ -e /usr/include/stdio.h ]; then missing+=(libc6-dev); fi
need chromium chromium
need redis-server redis-server
need pgbouncer pgbouncer
need strace strace
need buildah buildah
need bwrap bubblewrap
need systemd-analyze systemd
need dpkg-deb dpkg
need ssh-keygen openssh-client
need caddy caddy
need zsh zsh
need fish fish
if ! [ -e /usr/share/bash-completion/bash_completion ]; then missing+=(bash-completion); fi
if ! [ -x /usr/sbin/nginx ]; then missing+=(nginx); fi
if ! compgen -G '/usr/lib/postgresql/*/bin/initdb' >/dev/null; then missing+=(postgresql); fi
if ! python3 -c 'import ensurepip, venv' 2>/dev/null; then missing+=(python3-venv); fi
if [ ${#missing[@]} -eq 0 ]; then exit 0; fi

if [ "$(id -u)" -ne 0 ]; then
	echo "missing, and only root can install them: ${missing[*]}" >&2
	exit 1
fi
apt-get update -qq
DEBIAN_FRONTEND=noninteractive apt-get install -qq -y --no-install-recommends "${missing[@]}"

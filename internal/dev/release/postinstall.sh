#!/bin/sh
# After an installation of the Debian package: makes the master secret, once, and lets systemd read the unit anew. A
# server that runs is restarted by its operator.
set -eu

secret=/etc/openwearables/master-secret
if [ ! -e "$secret" ]; then
	(umask 277 && head -c 32 /dev/urandom | base64 >"$secret.new" && mv "$secret.new" "$secret")
fi
if [ -d /run/systemd/system ]; then systemctl daemon-reload; fi

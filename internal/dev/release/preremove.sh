#!/bin/sh
# Before the Debian package is removed, and not before it is upgraded: stops the server.
set -eu

if [ "$1" = remove ] && [ -d /run/systemd/system ]; then systemctl stop openwearables; fi

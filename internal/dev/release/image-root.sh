#!/usr/bin/env bash
# usage: image-root.sh BINARY FOLDER
# Makes what the Dockerfile copies: the binary, the authorities of TLS, and the folders that the server may write.
set -euo pipefail

umask 022 # the user of the image reads what root owns
binary=$1 folder=$2
authorities=/etc/ssl/certs/ca-certificates.crt
[ -s "$authorities" ] || { echo "image-root.sh: there is no $authorities: install ca-certificates" >&2; exit 1; }
rm -rf "$folder"
mkdir -p "$folder/root/etc/ssl/certs" "$folder/own"
install -m 0755 "$binary" "$folder/root/openwearables"
install -m 0644 "$authorities" "$folder/root/etc/ssl/certs/ca-certificates.crt"
mkdir -m 0700 "$folder/own/data"
mkdir -m 1777 "$folder/own/tmp"

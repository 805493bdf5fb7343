#!/usr/bin/env bash
# usage: secrets.sh
# Makes the secrets of three-nodes.yaml in the folder secrets beside it, once. The user of the image, 65532, must
# read what Compose mounts as it is: as root, this gives the files to it; else they are readable by all, in a folder
# that only you may enter.
set -euo pipefail

cd "$(dirname "$0")"
[ ! -e secrets ] || { echo "secrets.sh: there are secrets already: remove them to make new ones, which a database of the old ones refuses" >&2; exit 1; }
umask 077
mkdir secrets
password=$(openssl rand -hex 24)
openssl rand -base64 32 >secrets/master-secret
printf 'postgres://openwearables:%s@postgres/openwearables?sslmode=disable\n' "$password" >secrets/database
printf 'redis://redis:6379\n' >secrets/redis
printf '%s' "$password" >secrets/postgres-password
if [ "$(id -u)" -eq 0 ]; then
	chown 65532:65532 secrets/{master-secret,database,redis}
	chmod 0400 secrets/*
else
	chmod 0444 secrets/*
fi
echo "made $PWD/secrets: keep master-secret for as long as the database, and apart from its backups"

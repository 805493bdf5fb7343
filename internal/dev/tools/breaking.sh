#!/usr/bin/env bash
# usage: breaking.sh BUF
# Fails if the protos break clients of those on the main branch.
set -euo pipefail

git_dir=$(git rev-parse --git-common-dir)
for ref in refs/remotes/origin/main refs/heads/main; do
	if git cat-file -e "$ref:buf.yaml" 2>/dev/null; then
		exec "$1" breaking --against "$git_dir#format=git,ref=$ref"
	fi
done
echo "neither origin/main nor main has protos yet: nothing to compare with"

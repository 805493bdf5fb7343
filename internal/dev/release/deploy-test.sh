#!/usr/bin/env bash
# usage: deploy-test.sh BINARY VENV KUSTOMIZE
# Checks what server/deploy holds with the tools of each system: the unit with systemd's, the manifests against the
# schemas of Kubernetes, the Dockerfile with its linter, and the proxy's file with the proxy.
# That their commands and settings are ours, the tests of server/cmd/openwearables check.
set -euo pipefail

die() { echo "deploy-test.sh: $*" >&2; exit 1; }
binary=$(realpath "$1") venv=$2 kustomize=$3
for tool in systemd-analyze caddy; do
	command -v "$tool" >/dev/null || die "there is no $tool: run internal/dev/tools/system.sh"
done
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# The most that systemd may find exposed, of 100.
exposure=15

# An unknown key is only a warning, so that any output is a failure. The program must exist.
unit=$work/openwearables.service
sed "s|/usr/bin/openwearables|$binary|" server/deploy/systemd/openwearables.service >"$unit"
said=$(systemd-analyze verify --recursive-errors=no --man=no "$unit" 2>&1) && [ -z "$said" ] || die "systemd-analyze: $said"
systemd-analyze security --offline=true --threshold="$exposure" --no-pager "$unit" >"$work/security" ||
	die "the unit is exposed by more than $exposure of 100: $(grep '✗' "$work/security")"

for manifest in server/deploy/kubernetes/*.yaml; do
	case $manifest in */kustomization.yaml) continue ;; esac
	"$venv/bin/kubernetes-validate" --strict --quiet -k 1.34.0 "$manifest" || die "$manifest is not valid"
done
# As kubectl apply -k renders them, with names of the settings and secrets that change with their content.
cp -r server/deploy/kubernetes "$work/kubernetes"
for secret in master-secret database redis; do echo "$secret" >"$work/kubernetes/$secret"; done
"$kustomize" build "$work/kubernetes" >"$work/rendered.yaml" || die "the manifests cannot be rendered"
"$venv/bin/kubernetes-validate" --strict --quiet -k 1.34.0 "$work/rendered.yaml" || die "the rendered manifests are not valid"
for generated in 'secretName: openwearables-secrets' 'name: openwearables-settings'; do
	name=$(sed -n "s/^  name: \(${generated#*: }-[a-z0-9]*\)$/\1/p" "$work/rendered.yaml")
	grep -q "^ \{8,\}\(- \)\?${generated%%:*}: ${name:?there is no $generated}$" "$work/rendered.yaml" || die "no pod has $name"
done

"$venv/bin/hadolint" --failure-threshold info Dockerfile

HOME=$work caddy adapt --adapter caddyfile --config server/deploy/compose/Caddyfile >"$work/caddy" 2>&1 || die "the Caddyfile: $(cat "$work/caddy")"
echo "the unit, the manifests, the Dockerfile and the Caddyfile are valid"

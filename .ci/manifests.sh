#!/usr/bin/env bash
# Validates each manifest of deploy/kubernetes against the schemas of Kubernetes, which the package brings. Unknown
# members are refused.
set -euo pipefail
cd "$(dirname "$0")/.."
version=1.37.0

venv="${CARGO_TARGET_DIR:-target}/manifests-venv"
if ! "$venv/bin/kubernetes-validate" --version 2>/dev/null | grep -qF "$version"; then
  python3 -m venv --clear "$venv"
  "$venv/bin/pip" install --quiet --disable-pip-version-check kubernetes-validate==$version
fi
# The oldest version with native sidecar containers that need no feature gate, and the newest.
for kubernetes in 1.29 1.37; do
  "$venv/bin/kubernetes-validate" --strict --kubernetes-version "$kubernetes" deploy/kubernetes/*.yaml
done

# The check can fail.
wrong=$(mktemp)
trap 'rm -f "$wrong"' EXIT
sed 's/mountPath:/mountpath:/' deploy/kubernetes/sync.yaml > "$wrong"
! "$venv/bin/kubernetes-validate" --strict "$wrong" >/dev/null 2>&1 || {
  echo "a wrong manifest was not refused" >&2
  exit 1
}

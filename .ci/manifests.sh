#!/usr/bin/env bash
# Validates what is in deploy: the manifests for Kubernetes and the compose file by schemas, haproxy's configuration by
# haproxy, the unit by systemd, and the alerts by Prometheus. Unknown members are refused. Each check is seen to fail on
# a wrong file.
set -euo pipefail
cd "$(dirname "$0")/.."
target="$(realpath "${CARGO_TARGET_DIR:-target}")"
tools="$target/manifests"
mkdir -p "$tools"
wrong=$(mktemp -d)
trap 'rm -rf "$wrong"' EXIT

fail() { echo "$1" >&2; exit 1; }
# For what this machine lacks, and CI has.
skip() { [ -z "${CI:-}" ] || fail "$1"; echo "skipped: $1"; }
refused() { ! "$@" >/dev/null 2>&1 || fail "not refused: $*"; }

python="$tools/venv/bin/python"
packages=(kubernetes-validate==1.37.0 promql-parser==0.11.0)
if [ "$(cat "$tools/packages" 2>/dev/null)" != "${packages[*]}" ]; then
  python3 -m venv --clear "$tools/venv"
  "$tools/venv/bin/pip" install --quiet --disable-pip-version-check "${packages[@]}"
  echo "${packages[*]}" > "$tools/packages"
fi

# The oldest version with native sidecar containers that need no feature gate, and the newest.
validate=("$tools/venv/bin/kubernetes-validate" --strict)
for kubernetes in 1.29 1.37; do
  "${validate[@]}" --kubernetes-version "$kubernetes" deploy/kubernetes/*.yaml
done
sed 's/mountPath:/mountpath:/' deploy/kubernetes/sync.yaml > "$wrong/sync.yaml"
refused "${validate[@]}" "$wrong/sync.yaml"

npm install --prefix "$tools" --no-audit --no-fund --silent dclint@3.1.0
# Port 443 is for all interfaces on purpose.
lint() { "$tools/node_modules/.bin/dclint" "$1" --quiet --disable-rule no-unbound-port-interfaces; }
lint deploy/compose/compose.yaml
"$python" .ci/deployment.py compose deploy/compose/compose.yaml
sed 's/read_only:/readonly:/' deploy/compose/compose.yaml > "$wrong/compose.yaml"
refused lint "$wrong/compose.yaml"
cp deploy/compose/haproxy.cfg "$wrong/"
sed 's/networks: \[vault\]/networks: [volt]/' deploy/compose/compose.yaml > "$wrong/compose.yaml"
refused "$python" .ci/deployment.py compose "$wrong/compose.yaml"

if command -v haproxy >/dev/null; then
  openssl req -x509 -newkey rsa:2048 -nodes -keyout "$wrong/ca.key" -out "$wrong/ca.crt" -subj /CN=test 2>/dev/null
  sed "s#/usr/local/etc/haproxy/#$wrong/#" deploy/compose/haproxy.cfg > "$wrong/haproxy.cfg"
  # The names of the containers do not resolve here, which is a warning.
  haproxy -c -f "$wrong/haproxy.cfg" 2>/dev/null || fail "$(haproxy -c -f "$wrong/haproxy.cfg" 2>&1)"
  sed -i 's/balance leastconn/balance leastcon/' "$wrong/haproxy.cfg"
  refused haproxy -c -f "$wrong/haproxy.cfg"
else
  skip "no haproxy checks deploy/compose/haproxy.cfg"
fi

if command -v systemd-analyze >/dev/null; then
  unit="$wrong/helvetisafe-server.service"
  # Prints nothing about the unit, whose program need not be installed. It warns with status 0.
  verified() { ! systemd-analyze verify "$1" 2>&1 | grep -F "$(basename "$1")"; }
  sed 's#/usr/bin/helvetisafe-server#/bin/true#' deploy/systemd/helvetisafe-server.service > "$unit"
  verified "$unit" || fail "systemd does not accept deploy/systemd/helvetisafe-server.service"
  sed -i 's/^Type=notify/Type=notified/' "$unit"
  refused verified "$unit"
else
  skip "no systemd-analyze checks deploy/systemd"
fi

cd deploy/monitoring
"$python" ../../.ci/deployment.py expressions alerts.yaml dashboard.json
sed 's/by (status)/by status)/' dashboard.json > "$wrong/dashboard.json"
refused "$python" ../../.ci/deployment.py expressions "$wrong/dashboard.json"

# Debian's package starts a service, so the program alone is taken out of it.
promtool="$tools/usr/bin/promtool"
if [ ! -x "$promtool" ]; then
  [ "$(id -u)" != 0 ] || apt-cache show prometheus >/dev/null 2>&1 || apt-get update -qq
  (cd "$wrong" && apt-get download -qq prometheus 2>/dev/null) || true
  ! compgen -G "$wrong/prometheus_*.deb" >/dev/null \
    || dpkg-deb --fsys-tarfile "$wrong"/prometheus_*.deb | tar -x -C "$tools" ./usr/bin/promtool
fi
if [ -x "$promtool" ]; then
  "$promtool" check rules alerts.yaml
  "$promtool" check config --syntax-only prometheus.yaml
  "$promtool" test rules alerts-test.yaml
  cp alerts-test.yaml "$wrong/"
  sed 's/> 0.01/> 0.5/' alerts.yaml > "$wrong/alerts.yaml"
  refused "$promtool" test rules "$wrong/alerts-test.yaml"
else
  skip "Debian's package prometheus, whose promtool tests the alerts, could not be fetched"
fi

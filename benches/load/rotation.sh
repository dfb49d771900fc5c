#!/usr/bin/env bash
# Time and peak memory of `org rotate`, of the command and of the vault on SQLite, without other clients:
# rotation.sh [SECRETS], 20 000 by default. Values have 64 bytes. Linux.
set -euo pipefail
cd "$(dirname "$0")/../.."
secrets=${1:-20000}

cargo build --quiet --release -p helvetisafe-server -p helvetisafe-cli
programs=$(cd "${CARGO_TARGET_DIR:-target}/release" && pwd)
home=$(mktemp -d)
trap 'kill "$vault" 2>/dev/null || true; rm -rf "$home"' EXIT
cd "$home"
export HOME=$home PATH=$programs:$PATH HELVETISAFE_BASE_URL=http://127.0.0.1:18200

helvetisafe-server init --database sqlite:vault.db --token-file token >/dev/null
helvetisafe-server serve --database sqlite:vault.db --listen 127.0.0.1:18200 2>/dev/null &
vault=$!
until curl -fs "$HELVETISAFE_BASE_URL/ready" >/dev/null; do sleep 0.1; done
helvetisafe org create --token-file token --output-dir ada --name ada >/dev/null
export HELVETISAFE_CONFIG=ada/config.toml
unset HELVETISAFE_BASE_URL
seq -f 'SECRET_%.0f=0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef' "$secrets" >all.env
helvetisafe --timeout 10m import all.env >/dev/null

echo "| rotation | time | peak of the command | peak of the vault |"
echo "|---|---|---|---|"
for round in 1 2 3; do
    echo 5 >"/proc/$vault/clear_refs"
    measured=$(python3 - <<'PY'
import os, resource, subprocess, time
start = time.monotonic()
subprocess.run(["helvetisafe", "org", "rotate", "--yes"], check=True, stderr=subprocess.DEVNULL)
peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
print(f"{time.monotonic() - start:.2f} s | {peak / 1024:.1f} MiB")
PY
)
    peak=$(awk '/VmHWM/ { printf "%.1f MiB", $2 / 1024 }' "/proc/$vault/status")
    echo "| $round | $measured | $peak |"
done

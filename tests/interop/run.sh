#!/usr/bin/env bash
# The published Python client and ours, at one vault and over the files of the testkit. Needs Python 3.9 or newer, with `venv`.
set -euo pipefail
cd "$(dirname "$0")/../.."

venv="$(bash tests/interop/venv.sh)"

kit=tests/testkit
"$venv/bin/python" "$kit/make.py" --check
"$venv/bin/python" tests/interop/testkit.py "$kit"

cargo build --quiet -p helvetisafe-tests --bin interop-host
exec "$venv/bin/python" tests/interop/interop.py \
    cargo run --quiet -p helvetisafe-tests --bin interop-host

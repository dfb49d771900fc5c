#!/usr/bin/env bash
# The published Python client and ours, measured in turn at one vault: run.sh [ROUNDS [network]]
# Prints tables in Markdown, and draws them in docs/charts; with `network`, prints the rows over a network alone. Needs Python 3.9 or newer, with `venv`.
set -euo pipefail
cd "$(dirname "$0")/../.."

venv="$(bash tests/interop/venv.sh)"
# One after the other, so that the command is built with its own features alone.
cargo build --quiet --release -p helvetisafe-cli
cargo build --quiet --release -p helvetisafe-peer-bench
tables="$(mktemp)"
trap 'rm -f "$tables"' EXIT
"$venv/bin/python" benches/peer/compare.py "${CARGO_TARGET_DIR:-target}/release" "${1:-15}" "${@:2}" | tee "$tables"
[ "${2:-}" = network ] || python3 benches/peer/charts.py docs/charts < "$tables"

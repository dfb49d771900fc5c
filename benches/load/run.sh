#!/usr/bin/env bash
# Throughput and latency of the vault: run.sh [matrix|nodes|large|start|keys] [OPTIONS]; see src/options.rs.
# Prints tables in Markdown. PostgreSQL is started in a temporary folder, if this machine has it.
set -euo pipefail
cd "$(dirname "$0")/../.."

cargo build --quiet --release -p helvetisafe-server
cargo build --quiet --release -p helvetisafe-load-bench
"${CARGO_TARGET_DIR:-target}/release/load-bench" "$@"

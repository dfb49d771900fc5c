#!/bin/sh
# Threads at a vault that fails now and then: tests/soak.sh [MINUTES] [THREADS], by default 2 and 16.
set -eu
cd "$(dirname "$0")/.."
cargo build --quiet --release --locked -p helvetisafe-tests --bin soak
exec cargo run --quiet --release --locked -p helvetisafe-tests --bin soak -- \
  "$((${1:-2} * 60))" "${2:-16}"

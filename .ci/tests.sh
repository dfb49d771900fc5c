#!/usr/bin/env bash
# Runs `cargo test` with the given arguments, and runs up to three failed tests once more, one at a time. Many tests
# depend on real sockets, processes and clocks, and the machine may be busy. A test that fails both times fails the gate, and
# one that fails once is named at the end of the output. .ci/run starts it.
set -euo pipefail
cd "$(dirname "$0")/.."

log=$(mktemp)
trap 'rm -f "$log"' EXIT

if cargo test --no-fail-fast "$@" 2>&1 | tee "$log"; then
  exit 0
fi
mapfile -t failed < <(sed -n 's/^test \(.*\) \.\.\. FAILED$/\1/p' "$log" | sort -u)
# No name: the build failed, or a test ended its process.
if [ "${#failed[@]}" = 0 ] || [ "${#failed[@]}" -gt 3 ]; then
  echo "${#failed[@]} tests failed by name; none is run again" >&2
  exit 1
fi
printf '\n--- once more, alone: %s\n' "${failed[*]}"
cargo test "$@" -- --exact --test-threads=1 "${failed[@]}"
printf '\n--- failed once, and passed alone: %s\n' "${failed[*]}"

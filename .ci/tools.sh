#!/usr/bin/env bash
# Installs the programs of tools.txt into the target folder, where they are not yet, and prints their folder. Where they
# cannot be fetched, for another system for example, cargo builds the same versions, which takes minutes of processor time.
set -euo pipefail
cd "$(dirname "$0")/.."
list=.ci/tools.txt
tools="$(realpath -m "${CARGO_TARGET_DIR:-target}")/tools"

if ! cmp -s "$list" "$tools/tools.txt"; then
  python3 -m venv --clear "$tools"
  if ! "$tools/bin/pip" install --quiet --disable-pip-version-check --no-deps --require-hashes -r "$list" >&2; then
    sed -nE 's/^astral-dev-toolchain-(.*)==(\S*).*/\1 \2/p' "$list" | while read -r name version; do
      # Without optimization: they run for seconds.
      cargo install "$name" --version "$version" --root "$tools" --locked --debug --no-default-features --quiet >&2
    done
  fi
  # Last, so that a folder that was left half made is made again.
  cp "$list" "$tools/tools.txt"
fi
echo "$tools/bin"

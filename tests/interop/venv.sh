#!/usr/bin/env bash
# Makes a Python environment with the published client, where there is none yet, and prints its folder.
set -euo pipefail
cd "$(dirname "$0")/../.."

venv="${CARGO_TARGET_DIR:-target}/interop-venv"
requirements=tests/interop/requirements.txt
if ! cmp -s "$requirements" "$venv/requirements.txt"; then
    python3 -m venv --clear "$venv"
    "$venv/bin/pip" install --quiet --disable-pip-version-check -r "$requirements" >&2
    # Last, so that a venv that was left half made is made again.
    cp "$requirements" "$venv/requirements.txt"
fi
echo "$venv"

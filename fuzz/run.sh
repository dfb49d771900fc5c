#!/bin/sh
# Builds every fuzz target once, then runs each for SECONDS seconds. Fails if any of them finds
# something; the input is then in fuzz/artifacts.
set -eu

seconds=${1:?usage: fuzz/run.sh SECONDS}
cd "$(dirname "$0")"

# libFuzzer and AddressSanitizer need options that a stable compiler has only with this.
export RUSTC_BOOTSTRAP=1
cargo fuzz build --fuzz-dir .

# What a run learns is thrown away, so that the seeds stay few and have names.
corpus=$(mktemp -d)
trap 'rm -rf "$corpus"' EXIT

found=
for target in $(cargo fuzz list --fuzz-dir .); do
    cp -R "seeds/$target" "$corpus/$target"
    # Of a file of the testkit, the body: all that follows the first empty line.
    sed -n "s/^$target //p" testkit-seeds.txt | while read -r group; do
        for file in "../tests/testkit/$group"/*.case; do
            sed '1,/^$/d' "$file" >"$corpus/$target/$(basename "$file")"
        done
    done
    echo "== $target"
    cargo fuzz run --fuzz-dir . "$target" "$corpus/$target" -- \
        -max_total_time="$seconds" -timeout=10 -rss_limit_mb=1024 -max_len=8192 \
        -dict=tokens.dict -print_final_stats=1 -print_funcs=0 -verbosity=0 || found="$found $target"
done

if [ -n "$found" ]; then
    echo "something was found by:$found" >&2
    exit 1
fi

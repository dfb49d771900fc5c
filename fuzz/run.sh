#!/bin/sh
# Builds all fuzz targets, then runs each for SECONDS seconds. With 0 it only builds them. Fails if a check fails; the input is then in
# fuzz/artifacts. SANITIZER=none leaves out the address sanitizer.
set -eu

seconds=${1:?usage: fuzz/run.sh SECONDS}
cd "$(dirname "$0")"

# libFuzzer and AddressSanitizer need unstable compiler options.
export RUSTC_BOOTSTRAP=1
export SANITIZER="${SANITIZER:-address}"
cargo fuzz build --fuzz-dir . --sanitizer "$SANITIZER"
[ "$seconds" != 0 ] || exit 0

# New inputs are discarded, so that the seeds stay few and named.
corpus=$(mktemp -d)
trap 'rm -rf "$corpus"' EXIT

# As many targets at a time as there are processors. The output of each is printed when it has ended.
cat >"$corpus/run" <<'EOF'
set -eu
seconds=$1 corpus=$2 target=$3
cp -R "seeds/$target" "$corpus/$target"
# The body of a testkit file follows the first empty line.
sed -n "s/^$target //p" testkit-seeds.txt | while read -r group; do
    for file in "../tests/testkit/$group"/*.case; do
        sed '1,/^$/d' "$file" >"$corpus/$target/$(basename "$file")"
    done
done
status=0
cargo fuzz run --fuzz-dir . --sanitizer "$SANITIZER" "$target" "$corpus/$target" -- \
    -max_total_time="$seconds" -timeout=10 -rss_limit_mb=1024 -max_len=8192 \
    -dict=tokens.dict -print_final_stats=1 -print_funcs=0 -verbosity=0 >"$corpus/$target.log" 2>&1 || status=1
{ echo "== $target"; cat "$corpus/$target.log"; } >&2
[ "$status" = 0 ] || echo "$target" >>"$corpus/failed"
EOF
cargo fuzz list --fuzz-dir . | xargs -P "$(nproc)" -n 1 sh "$corpus/run" "$seconds" "$corpus"

if [ -s "$corpus/failed" ]; then
    echo "failed checks: $(tr '\n' ' ' <"$corpus/failed")" >&2
    exit 1
fi

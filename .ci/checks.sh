#!/usr/bin/env bash
# Runs the checks that need the compiler and no tests. .ci/run starts it.
set -euo pipefail
cd "$(dirname "$0")/.."

step() { printf '\n--- %s (%s s so far)\n' "$1" "$SECONDS"; }

# First those that leave target/debug alone: the others wait until the tests are built there.
step "format"
cargo fmt --all --check
cargo fmt --manifest-path fuzz/Cargo.toml --check
cargo fmt --manifest-path crates/helvetisafe-crypto/no-std-proof/Cargo.toml --check

step "the fuzz targets"
PATH="$(.ci/tools.sh):$PATH" fuzz/run.sh 0

step "the subjects of the memory tests, optimized as in applications"
CARGO_PROFILE_RELEASE_LTO=false CARGO_PROFILE_RELEASE_CODEGEN_UNITS=16 \
  cargo build --release --locked -p helvetisafe-memory-subject

step "the crypto crate without std"
cargo run --locked --manifest-path crates/helvetisafe-crypto/no-std-proof/Cargo.toml

step "dependencies"
.ci/supply-chain.sh

step "the manifests for Kubernetes"
.ci/manifests.sh

step "no tests in targets whose tests are not built"
grep -rlx 'test = false' --include=Cargo.toml benches tests | sed 's#Cargo.toml$#src#' | xargs grep -rn -E '#\[(tokio::)?test' \
  && { echo "remove test = false from the manifest" >&2; exit 1; }

step "clippy"
cargo clippy --workspace --all-targets --locked --features helvetisafe-cli/kubernetes -- -D warnings
# The line above also builds the library with the features of its tests.
cargo clippy -p helvetisafe --no-default-features --locked -- -D warnings
for feature in bundled-roots config organization quiet-log serde test-util tower tracing; do
  cargo check -p helvetisafe --no-default-features --features "$feature" --locked
done

step "the command without its optional features, and the vault without faults, as it is by default"
cargo clippy -p helvetisafe-cli -p helvetisafe-server --no-default-features --locked -- -D warnings

step "documentation"
RUSTDOCFLAGS="-D warnings" cargo doc --workspace --no-deps --locked --features helvetisafe-cli/kubernetes

step "the test of certificates, which .ci/run runs"
cargo test -p helvetisafe --no-default-features --features async --locked --test behaviour --no-run

#!/usr/bin/env bash
# The steps of deploy/Dockerfile and deploy/Dockerfile.vault without a container engine: their RUN lines, in the profile of
# the tests, and then each program alone in an empty, read-only root file system, as the image's user.
set -euo pipefail
cd "$(dirname "$0")/.."
export PROFILE=dev FOLDER=debug

fail() { echo "$1" >&2; exit 1; }

roots=$(mktemp -d)
trap 'rm -rf "$roots" out' EXIT

# Makes the root file system of an image, and sets `root`, `program` and `user`.
build() {
  local file=$1
  root="$roots/${file##*/}"
  grep -oP '^RUN \K.*' "$file" | while read -r line; do
    echo "+ $line"
    bash -euc "$line"
  done
  grep -oP '^COPY --from=build /src/\K.*' "$file" | while read -r from to; do
    install -D --mode=0755 "$from" "$root$to"
  done
  program=$(grep -oP '^ENTRYPOINT \["\K[^"]+' "$file")
  user=$(grep -oP '^USER \K.*' "$file")
  [[ "$user" =~ ^[1-9][0-9]*: ]] || fail "the image's user has to be a number, and not root's: $user"
  ! readelf --program-headers "$root$program" | grep -q INTERP || fail "$program is not static"
  # What the base image has, and the kubelet writes.
  mkdir -p "$root/etc/ssl/certs"
  cp /etc/ssl/certs/ca-certificates.crt "$root/etc/ssl/certs/"
  echo "127.0.0.1 vault.test" > "$root/etc/hosts"
  chmod 0755 "$roots" "$root"
}

can_run() {
  unshare --mount true 2>/dev/null && return
  echo "$program was built, and not run in its root file system: this user may not make a mount namespace"
  return 1
}

# Root of a namespace of its own may mount and change the root folder.
in_image() {
  unshare --mount sh -euc '
    mount --bind "$1" "$1"
    mount -o remount,ro,bind "$1"
    user=$2 root=$1
    shift 2
    exec chroot --userspec="$user" "$root" "$@"
  ' sh "$root" "$user" "$program" "$@"
}

build deploy/Dockerfile
if can_run; then
  in_image --version
  in_image sync --help | grep -q -- --dry-run || fail "the image has no sync"
  export HELVETISAFE_BASE_URL=https://vault.test:1 HELVETISAFE_CLIENT_ID=id HELVETISAFE_CLIENT_SECRET=secret
  export HELVETISAFE_PASSWORD=password
  export HELVETISAFE_ORG_KEY_FINGERPRINT=SHA256:0000000000000000000000000000000000000000000
  # Nothing listens there, so it fails after the name.
  report=$(in_image doctor || true)
  grep -q '^ok *files' <<<"$report" || fail "the image lacks files: $report"
  grep -q '^ok *name .*127.0.0.1' <<<"$report" || fail "the image does not resolve names: $report"
fi

build deploy/Dockerfile.vault
# The tests of the workspace turn the feature on that makes a vault misbehave.
grep -q "send one valid Host header" "$root$program" || fail "texts of the vault are not found in $program"
! grep -q -e "the vault misbehaves on purpose" -e "reset after acting" "$root$program" || fail "$program has faults"
if can_run; then
  in_image --version
  report=$(in_image dev --faults flaky 2>&1 || true)
  grep -q "unexpected argument '--faults'" <<<"$report" || fail "the image's vault takes faults: $report"
  # Nothing listens there either.
  report=$(in_image check --listen 127.0.0.1:0 --database 'postgres://vault@vault.test:1/vault?sslmode=disable' || true)
  grep -q '^ok *configuration' <<<"$report" || fail "the vault does not start in the image: $report"
  grep -qi 'connection refused' <<<"$report" || fail "the image does not resolve names: $report"
fi

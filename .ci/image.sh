#!/usr/bin/env bash
# The steps of deploy/Dockerfile without a container engine: its RUN lines, in the profile of the tests, and then the
# program alone in an empty, read-only root file system, as the image's user.
set -euo pipefail
cd "$(dirname "$0")/.."
file=deploy/Dockerfile
export PROFILE=dev FOLDER=debug

fail() { echo "$1" >&2; exit 1; }

root=$(mktemp -d)
trap 'rm -rf "$root" out' EXIT

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

if ! unshare --mount true 2>/dev/null; then
  echo "the program was built, and not run in its root file system: this user may not make a mount namespace"
  exit 0
fi

# What the base image has, and the kubelet writes.
mkdir -p "$root/etc/ssl/certs"
cp /etc/ssl/certs/ca-certificates.crt "$root/etc/ssl/certs/"
echo "127.0.0.1 vault.test" > "$root/etc/hosts"
chmod 0755 "$root"

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

in_image --version
in_image sync --help | grep -q -- --dry-run || fail "the image has no sync"
export HELVETISAFE_BASE_URL=https://vault.test:1 HELVETISAFE_CLIENT_ID=id HELVETISAFE_CLIENT_SECRET=secret
export HELVETISAFE_PASSWORD=password
export HELVETISAFE_ORG_KEY_FINGERPRINT=SHA256:0000000000000000000000000000000000000000000
# Nothing listens there, so it fails after the name.
report=$(in_image doctor || true)
grep -q '^ok *files' <<<"$report" || fail "the image lacks files: $report"
grep -q '^ok *name .*127.0.0.1' <<<"$report" || fail "the image does not resolve names: $report"

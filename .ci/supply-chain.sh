#!/usr/bin/env bash
# What the workspace depends on, checked without a network: licences, sources, bans, versions that are
# there twice, and the advisories that are known to apply with the dates of their exceptions.
set -euo pipefail
cd "$(dirname "$0")/.."
PATH="$(.ci/tools.sh):$PATH"

# The folder that cargo-deny derives from the database's address.
HELVETISAFE_ADVISORIES=$(mktemp -d)
export HELVETISAFE_ADVISORIES
trap 'rm -rf "$HELVETISAFE_ADVISORIES"' EXIT
database="$HELVETISAFE_ADVISORIES/advisory-db-3157b0e258782691"
cp -R .ci/advisories "$database"
git -C "$database" init --quiet
git -C "$database" add --all
git -C "$database" -c user.name=gate -c user.email=gate@localhost commit --quiet --message "Known advisories"
touch "$database/.git/FETCH_HEAD"

cargo fetch --locked --quiet
cargo deny --offline check

today=$(date -u +%F)
dates=$(grep -oE 'until [0-9]{4}-[0-9]{2}-[0-9]{2}' deny.toml | cut -d' ' -f2)
for date in ${dates:?"deny.toml has an exception without a date"}; do
  if [[ "$today" > "$date" ]]; then
    echo "deny.toml: an exception ended on $date: look at the advisory again, then set a new date" >&2
    exit 1
  fi
done

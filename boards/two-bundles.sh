#!/usr/bin/env bash
# Builds the bundle of a board from two clean clones in folders of different names, and compares them
# byte for byte. Takes two release builds.
set -euo pipefail
board=${1:-host}
root=$(git -C "$(dirname "$0")" rev-parse --show-toplevel)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$root"
cargo xtask keys --out "$work" --name twice >/dev/null
for clone in first a-second-one; do
    git clone --quiet --no-hardlinks "$root" "$work/$clone"
    (cd "$work/$clone" && cargo xtask bundle --board "$board" --key "$work/twice.key" \
        --out "$work/bundles-$clone" >"$work/$clone.log")
done
first=$(echo "$work"/bundles-first/*.tar.zst)
second=$(echo "$work"/bundles-a-second-one/*.tar.zst)
cmp "$first" "$second"
echo "identical: $(basename "$first"), $(sha256sum "$first" | cut -d ' ' -f 1)"

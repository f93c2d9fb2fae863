#!/usr/bin/env bash
# Licences, bans and sources of all three workspaces by deny.toml, and advisories where RustSec's database can be fetched.
# `cargo deny` is built once a machine, in the user's cache, unless this version is installed already.
set -euo pipefail
cd "$(dirname "$0")/.."
version=0.20.2
deny=cargo-deny
if [ "$(cargo-deny --version 2>/dev/null)" != "cargo-deny $version" ]; then
    tools=${XDG_CACHE_HOME:-$HOME/.cache}/drafthorse/cargo-deny-$version
    deny=$tools/bin/cargo-deny
    if [ ! -x "$deny" ]; then
        # Little optimised: it runs for seconds and would compile for minutes.
        CARGO_PROFILE_RELEASE_LTO=off CARGO_PROFILE_RELEASE_CODEGEN_UNITS=16 CARGO_PROFILE_RELEASE_OPT_LEVEL=1 \
            cargo install --quiet --locked --version "$version" --root "$tools" --target-dir "$tools/build" cargo-deny
        rm -rf "$tools/build"
    fi
fi
check() {
    local workspace
    for workspace in . firmware/boards tests/fuzz; do
        printf '%s: ' "$workspace"
        "$deny" --locked --manifest-path "$workspace/Cargo.toml" --config "$PWD/deny.toml" check "$@"
    done
}
check licenses bans sources
if why=$(timeout 120 "$deny" fetch db 2>&1); then
    check advisories
else
    echo "advisories: NOT CHECKED, RustSec's database cannot be fetched here:"
    echo "$why" | tail -n 3 | sed 's/^/    /'
fi

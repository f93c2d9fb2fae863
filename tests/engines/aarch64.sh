#!/usr/bin/env bash
# The engines' cases on aarch64, emulated: built with Debian's cross compiler, run with qemu-user.
set -euo pipefail
cd "$(dirname "$0")/../.."
packages=(gcc-aarch64-linux-gnu libc6-dev-arm64-cross libstdc++6-arm64-cross qemu-user-static)
missing=()
for package in "${packages[@]}"; do
    dpkg -s "$package" >/dev/null 2>&1 || missing+=("$package")
done
if [ ${#missing[@]} -gt 0 ]; then
    sudo=()
    [ "$(id -u)" -eq 0 ] || sudo=(sudo)
    "${sudo[@]}" apt-get update -qq
    DEBIAN_FRONTEND=noninteractive "${sudo[@]}" apt-get install -y -qq --no-install-recommends \
        "${missing[@]}"
fi
rustup target add aarch64-unknown-linux-gnu
DRAFTHORSE_ONNXRUNTIME=$(tests/engines/onnxruntime.sh aarch64)
export DRAFTHORSE_ONNXRUNTIME
export CARGO_TARGET_AARCH64_UNKNOWN_LINUX_GNU_LINKER=aarch64-linux-gnu-gcc
export CARGO_TARGET_AARCH64_UNKNOWN_LINUX_GNU_RUNNER="qemu-aarch64-static -L /usr/aarch64-linux-gnu"
cargo test --locked --target aarch64-unknown-linux-gnu -p drafthorse-engine-tests \
    --test conformance -- --nocapture

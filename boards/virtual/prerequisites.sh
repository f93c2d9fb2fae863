#!/usr/bin/env bash
# Installs what the virtual board and its bundle need on Debian 12: the cross compiler, QEMU, and what
# makes the board's system. As root, or by sudo.
set -euo pipefail
packages=(gcc-aarch64-linux-gnu g++-aarch64-linux-gnu libc6-dev-arm64-cross libclang-dev
    qemu-system-arm qemu-user-static binfmt-support arch-test mmdebstrap kmod cpio fakeroot e2fsprogs
    openssh-client)
sudo=()
[ "$(id -u)" -eq 0 ] || sudo=(sudo)
missing=()
for package in "${packages[@]}"; do
    dpkg -s "$package" >/dev/null 2>&1 || missing+=("$package")
done
if [ ${#missing[@]} -gt 0 ]; then
    "${sudo[@]}" apt-get update -qq
    DEBIAN_FRONTEND=noninteractive "${sudo[@]}" apt-get install -y -qq --no-install-recommends "${missing[@]}"
fi
rustup target add aarch64-unknown-linux-gnu
if ! arch-test arm64 >/dev/null 2>&1; then
    mountpoint -q /proc/sys/fs/binfmt_misc ||
        "${sudo[@]}" mount -t binfmt_misc binfmt_misc /proc/sys/fs/binfmt_misc
    "${sudo[@]}" update-binfmts --enable qemu-aarch64
fi

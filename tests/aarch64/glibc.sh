#!/usr/bin/env bash
# The program of a bundle for aarch64 starts, records and replays on glibc 2.35, the library of Jetson Linux 36 (Ubuntu
# 22.04): Ubuntu's own libraries for aarch64, under qemu-user. Takes the program of a bundle (`cargo xtask bundle`).
set -euo pipefail
bundle=${1:?usage: $0 BUNDLE.tar.zst}
bundle=$(realpath "$bundle")
. "$(dirname "$0")/common.sh"
cd "$(dirname "$0")/../.."
folder=target/ci/glibc-2.35
mirror=${UBUNTU_MIRROR:-http://archive.ubuntu.com/ubuntu}
packages=(
    main/c/cross-toolchain-base/libc6-arm64-cross_2.35-0ubuntu1cross3_all.deb
    32b6264502998dd170d21eff60b6686be8c682012df18e6cc9fdffcf42c5faae
    main/g/gcc-12-cross/libstdc++6-arm64-cross_12-20220222-1ubuntu1cross1_all.deb
    0a8c1b999bdd719cb6b795a4cc73d946f1b75bd364814ff3e76db7ccdf66bf99
    main/g/gcc-12-cross/libgcc-s1-arm64-cross_12-20220222-1ubuntu1cross1_all.deb
    595e10b9fed48e171721cbd8288aefb88942427d4c52e91375f3903564633472
)
command -v qemu-aarch64-static >/dev/null || aarch64_prerequisites
mkdir -p "$folder/packages"
for ((i = 0; i < ${#packages[@]}; i += 2)); do
    file=$folder/packages/$(basename "${packages[i]}")
    [ -f "$file" ] || curl --fail --silent --show-error --retry 3 --output "$file" "$mirror/pool/${packages[i]}"
    echo "${packages[i + 1]}  $file" | sha256sum --check --quiet
    dpkg-deb --extract "$file" "$folder"
done
tar --extract --zstd --file "$bundle" --directory "$folder" bin/drafthorse
emulated=$(command -v qemu-aarch64-static || command -v qemu-aarch64)
library=$folder/usr/aarch64-linux-gnu
program=("$emulated" -L "$library" "$folder/bin/drafthorse")
echo "glibc: $("$emulated" -L "$library" "$library/lib/ld-linux-aarch64.so.1" --version | head -1)"
"${program[@]}" --version
rm -rf "$folder/out"
"${program[@]}" run --source 'synth:?seed=1&seconds=2&camera_fps=2' --out "$folder/out" --no-report --json >/dev/null
"${program[@]}" replay "$folder/out" --check

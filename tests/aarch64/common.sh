# Sourced: what tests of aarch64 on another processor need. Built with Debian's cross compiler, run with qemu-user.

# The packages that are missing are installed; more may be named.
aarch64_prerequisites() {
    local packages=(gcc-aarch64-linux-gnu libc6-dev-arm64-cross qemu-user-static "$@") missing=() sudo=()
    for package in "${packages[@]}"; do
        dpkg -s "$package" >/dev/null 2>&1 || missing+=("$package")
    done
    if [ ${#missing[@]} -gt 0 ]; then
        [ "$(id -u)" -eq 0 ] || sudo=(sudo)
        "${sudo[@]}" apt-get update -qq
        DEBIAN_FRONTEND=noninteractive "${sudo[@]}" apt-get install -y -qq --no-install-recommends \
            "${missing[@]}"
    fi
    rustup target add aarch64-unknown-linux-gnu
}

export CARGO_TARGET_AARCH64_UNKNOWN_LINUX_GNU_LINKER=aarch64-linux-gnu-gcc
export CARGO_TARGET_AARCH64_UNKNOWN_LINUX_GNU_RUNNER=qemu-aarch64-static
# Also of what a test starts itself, where the kernel knows qemu (binfmt).
export QEMU_LD_PREFIX=/usr/aarch64-linux-gnu

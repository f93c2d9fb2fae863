#!/usr/bin/env bash
# The runtime crates' own tests on aarch64, emulated: those that build fast, or with `rest` the others. Properties run on fewer
# cases and the governor on fewer drives than on the machine itself: an emulated step takes some ten times as long. Tests
# that kill processes of their own and hold them to the clock are left out.
set -euo pipefail
. "$(dirname "$0")/common.sh"
cd "$(dirname "$0")/../.."
export PROPTEST_CASES=${PROPTEST_CASES:-16} GOVERNOR_DRIVES=${GOVERNOR_DRIVES:-2}
case ${1:-fast} in
    fast)
        aarch64_prerequisites
        crates=(core wire record detector gaussian keyframes governor engine release boards link sync)
        ;;
    rest)
        # openh264 is C++.
        aarch64_prerequisites g++-aarch64-linux-gnu libstdc++6-arm64-cross
        crates=(sensors protocol offload eval)
        ;;
    *)
        echo "usage: $0 [fast|rest]" >&2
        exit 2
        ;;
esac
# One call for all crates: features, and with them what is built, depend on what is built together. qemu-user does not
# tell whoever starts a program that it is not there.
cargo test --quiet --locked --target aarch64-unknown-linux-gnu "${crates[@]/#/--package=drafthorse-}" -- \
    --skip kill --skip it_tells_what_sysfs_lacks_and_ends_with_the_board

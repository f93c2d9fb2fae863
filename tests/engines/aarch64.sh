#!/usr/bin/env bash
# The engines' cases on aarch64, emulated.
set -euo pipefail
. "$(dirname "$0")/../aarch64/common.sh"
cd "$(dirname "$0")/../.."
aarch64_prerequisites libstdc++6-arm64-cross
DRAFTHORSE_ONNXRUNTIME=$(tests/engines/onnxruntime.sh aarch64)
export DRAFTHORSE_ONNXRUNTIME
cargo test --locked --target aarch64-unknown-linux-gnu -p drafthorse-engine-tests \
    --test conformance -- --nocapture

#!/usr/bin/env bash
# `drafthorse bench detector` beside PyTorch, and on tract and ONNX Runtime.
set -euo pipefail
cd "$(dirname "$0")/../.."
library=$(tests/engines/onnxruntime.sh)
venv=target/models/venv
[ -x "$venv/bin/python" ] || python3 -m venv "$venv"
"$venv/bin/pip" install --quiet --disable-pip-version-check \
    -r models/radar-gaussian/train/requirements.txt
exec cargo run --quiet --release --locked -- bench detector --json --onnxruntime "$library" \
    --python "$venv/bin/python" "$@"

#!/usr/bin/env bash
# `drafthorse bench engine` beside ONNX Runtime's own Python package of the version whose library is
# pinned here.
set -euo pipefail
cd "$(dirname "$0")/../.."
library=$(tests/engines/onnxruntime.sh)
version=${library##*.so.}
venv=target/engine-bench/venv
[ -x "$venv/bin/python" ] || python3 -m venv "$venv"
"$venv/bin/pip" install --quiet --disable-pip-version-check "onnxruntime==$version" numpy
exec cargo run --quiet --release --locked -- bench engine --json --onnxruntime "$library" \
    --python "$venv/bin/python" "$@"

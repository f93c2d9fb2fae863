#!/usr/bin/env bash
# Fetches the pinned ONNX Runtime of a processor (x86_64 or aarch64; this machine's if not said) and
# prints where its library is:
#   export DRAFTHORSE_ONNXRUNTIME=$(tests/engines/onnxruntime.sh)
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
arch=${1:-$(uname -m)}
folder=${CARGO_TARGET_DIR:-$here/../../target}/onnxruntime/$arch
library() { find "$folder" -name 'libonnxruntime.so.*' 2>/dev/null | head -n 1; }
if [ -z "$(library)" ]; then
    mkdir -p "$folder"
    python=python3
    if ! python3 -m pip --version >/dev/null 2>&1; then
        python3 -m venv "$folder/venv"
        python=$folder/venv/bin/python
    fi
    "$python" -m pip download --quiet --disable-pip-version-check --no-deps --require-hashes \
        --only-binary=:all: --python-version 3.11 --implementation cp --abi cp311 \
        --platform "manylinux_2_28_$arch" --platform "manylinux_2_27_$arch" \
        --dest "$folder" --requirement "$here/onnxruntime.txt" >&2
    # A wheel is a zip archive.
    python3 -m zipfile -e "$folder"/onnxruntime-*.whl "$folder"
fi
realpath "$(library)"

#!/usr/bin/env bash
# Evaluates random scenes with our evaluation and with those of the packages vod-tudelft and
# nuscenes-devkit, run from their wheels; fails where a figure differs by more than 1e-6.
set -euo pipefail
cd "$(dirname "$0")/../../.."
here=tests/python/eval_peers
target=${CARGO_TARGET_DIR:-target}
folder=$target/eval-peers
mkdir -p "$folder"
if [ ! -x "$folder/venv/bin/python" ]; then
    python3 -m venv "$folder/venv"
fi
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check --only-binary :all: \
    --requirement "$here/requirements.txt"
cargo build --quiet --release --locked -p drafthorse-eval --example evaluate
rm -rf "$folder/scenes"
"$folder/venv/bin/python" "$here/compare.py" "$target/release/examples/evaluate" "$folder/scenes"

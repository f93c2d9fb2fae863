#!/usr/bin/env bash
# Our side against the real Triton, over mutual TLS: the Python backend's own tests, then our client on Triton and
# Triton's client on our server (runtime/target/tests/target/triton.rs). DRAFTHORSE_PROMPTS says how many prompts (100).
set -euo pipefail
. "$(dirname "$0")/common.sh"
cd "$root"
python=$("$here/install.sh")
DRAFTHORSE_ONNXRUNTIME=${DRAFTHORSE_ONNXRUNTIME:-$(tests/engines/onnxruntime.sh)}
"$python" -m unittest discover runtime/target/triton

rm -rf "$work" && mkdir -p "$work"
cargo build --quiet --locked -p drafthorse-target
ours=$target/debug/drafthorse-target
"$ours" certs --out "$work/certificates" --vehicle car-7 >/dev/null
"$ours" export --model models/scene-vlm-s --drafter models/scene-drafter-s --out "$work/repository" \
    --queue-timeout-ms 60000 >/dev/null
start_triton "$work/repository" "$work/triton.log" \
    --grpc-use-ssl true --grpc-use-ssl-mutual true --grpc-root-cert "$work/certificates/ca.pem" \
    --grpc-server-cert "$work/certificates/server.pem" --grpc-server-key "$work/certificates/server.key"
DRAFTHORSE_ONNXRUNTIME=$DRAFTHORSE_ONNXRUNTIME DRAFTHORSE_TRITON=$address \
    DRAFTHORSE_TRITON_CERTIFICATES=$work/certificates DRAFTHORSE_TRITON_PYTHON=$python \
    cargo test --quiet --locked -p drafthorse-target --test target -- --nocapture triton:: of_the_trained_target

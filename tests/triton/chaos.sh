#!/usr/bin/env bash
# A vehicle's blocks outlive a target that is killed and started again: the real Triton, then our own server
# (runtime/target/tests/target/outage.rs). Runs of 20 ms stand in for a target of real size, so that kills meet work.
set -euo pipefail
. "$(dirname "$0")/common.sh"
cd "$root"
python=$("$here/install.sh")
DRAFTHORSE_ONNXRUNTIME=${DRAFTHORSE_ONNXRUNTIME:-$(tests/engines/onnxruntime.sh)}
export DRAFTHORSE_ONNXRUNTIME DRAFTHORSE_PROMPTS=${DRAFTHORSE_PROMPTS:-40}
work=$target/triton/chaos
rm -rf "$work" && mkdir -p "$work"
cargo build --quiet --locked -p drafthorse-target
ours=$target/debug/drafthorse-target
export DRAFTHORSE_OUTAGE_CERTIFICATES=$work/certificates
pem=$DRAFTHORSE_OUTAGE_CERTIFICATES
"$ours" certs --out "$pem" --vehicle car-7 >/dev/null
"$ours" export --model models/scene-vlm-s --drafter models/scene-drafter-s --out "$work/repository" --pace-ms 20 >/dev/null

# killed NAME COMMAND: blocks to that server on $address.
killed() {
    echo "$1:"
    DRAFTHORSE_OUTAGE_SERVER="$2 2>>'$work/$1.log'" DRAFTHORSE_OUTAGE_ADDRESS=$address \
        cargo test --quiet --locked -p drafthorse-target --test target -- --nocapture outage::
}

read -r http grpc <<<"$(free_ports 2)"
address=127.0.0.1:$grpc
killed triton "'$here/serve.sh' '$work/repository' $http $grpc --grpc-use-ssl true --grpc-use-ssl-mutual true \
    --grpc-root-cert '$pem/ca.pem' --grpc-server-cert '$pem/server.pem' --grpc-server-key '$pem/server.key'"
killed ours "'$ours' serve --model '$root/models/scene-vlm-s' --drafter '$root/models/scene-drafter-s' --listen $address --pace-ms 20 \
    --rate 1000 --burst 1000 --onnxruntime '$DRAFTHORSE_ONNXRUNTIME' --ca '$pem/ca.pem' --certificate '$pem/server.pem' --key '$pem/server.key'"

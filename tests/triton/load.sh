#!/usr/bin/env bash
# Many vehicles on one target: what dynamic batching gives, what happens beyond capacity, and whether the small
# server's memory stays bounded. Prints a line of JSON a measurement; fails where something is not as it should be.
#   tests/triton/load.sh [PROFILE OF CARGO (release)]
set -euo pipefail
. "$(dirname "$0")/common.sh"
cd "$root"
profile=${1:-release}
python=$("$here/install.sh")
export DRAFTHORSE_ONNXRUNTIME=${DRAFTHORSE_ONNXRUNTIME:-$(tests/engines/onnxruntime.sh)}
cargo build --quiet --locked --profile "$profile" -p drafthorse-target --bin drafthorse-target --example load
built=$target/${profile/#dev/debug}
work=$target/triton/load
rm -rf "$work" && mkdir -p "$work"
vehicles=()
for number in $(seq 0 31); do vehicles+=(--vehicle "load-$number"); done
"$built/drafthorse-target" certs --out "$work/certificates" "${vehicles[@]}" >/dev/null
tls=(--grpc-use-ssl true --grpc-use-ssl-mutual true --grpc-root-cert "$work/certificates/ca.pem"
    --grpc-server-cert "$work/certificates/server.pem" --grpc-server-key "$work/certificates/server.key")

# measure NAME ARGUMENT...: the line of one measurement, also kept under $work; with the processor time that the server
# took, which other programs on the machine change little.
measure() {
    local name=$1 before
    shift
    before=$("$python" "$here/cpu.py" "$triton")
    "$built/examples/load" --address "$address" --certificates "$work/certificates" "$@" >"$work/load.out"
    "$python" "$here/cpu.py" "$triton" "$before" "$name" "$work/load.out" | tee "$work/$name.json"
}

# triton NAME MAX_BATCH PACE_MS: Triton on a repository of that kind.
triton() {
    "$built/drafthorse-target" export --model models/scene-vlm-s --drafter models/scene-drafter-s \
        --max-batch "$2" --pace-ms "$3" --out "$work/repository-$1" >/dev/null
    start_triton "$work/repository-$1" "$work/triton-$1.log" "${tls[@]}"
}

# As fast as this machine can (pace 0), and with runs of 20 ms, a stand-in for a decoder of real size.
for pace in 0 20; do
    for batch in 1 32; do
        name=pace-$pace-batch-$batch
        triton "$name" "$batch" "$pace"
        measure "$name" --closed --vehicles 32 --seconds 10
        if [ "$batch" = 32 ]; then
            # What 32 vehicles need, blocks that differ in length, and a while with three times as many.
            measure "pace-$pace-two-blocks-a-second" --rate 2 --seconds 15
            measure "pace-$pace-mixed" --closed --vehicles 32 --seconds 10 --keep 16 --keep 32 --keep 64 --keep 128
            measure "pace-$pace-overload" --rate 2 --peak-rate 6 --seconds 15
        fi
        stop_triton
    done
done

# The small server, flooded: 32 connections with 64 calls each at once.
"$built/drafthorse-target" serve --model models/scene-vlm-s --drafter models/scene-drafter-s \
    --listen 127.0.0.1:0 --onnxruntime "$DRAFTHORSE_ONNXRUNTIME" \
    --ca "$work/certificates/ca.pem" --certificate "$work/certificates/server.pem" \
    --key "$work/certificates/server.key" --rate 100000 --burst 100000 >"$work/ready.json" 2>"$work/serve.log" &
triton=$!
until [ -s "$work/ready.json" ]; do kill -0 "$triton" && sleep 0.1; done
address=$("$python" -c 'import json, sys; print(json.load(open(sys.argv[1]))["address"])' "$work/ready.json")
high_water() { awk '/VmHWM/ { print int($2 / 1024) }' "/proc/$triton/status"; }
measure small-closed --closed --vehicles 4 --seconds 5
before=$(high_water)
measure small-flood --flood 64 --frames 2 --seconds 10
after=$(high_water)
measure small-after --rate 0.1 --seconds 10
printf '{"measured":"memory","before_flood_mib":%d,"most_mib":%d}\n' "$before" "$after"
stop_triton
"$python" "$here/judge.py" "$work" "$before" "$after"

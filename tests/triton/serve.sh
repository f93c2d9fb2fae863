#!/usr/bin/env bash
# Runs the real Triton on this machine's processor, in the foreground:
#   tests/triton/serve.sh REPOSITORY HTTP_PORT GRPC_PORT [ARGUMENT OF tritonserver...]
# Its server, client and Python environment come from packages (requirements.txt), once, under target/triton.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
folder=${CARGO_TARGET_DIR:-$here/../../target}/triton
mkdir -p "$folder"
folder=$(realpath "$folder")

# Installs the packages and puts the Python backend where the server finds it; quick where that was done before.
"$here/install.sh" >/dev/null
if [ "$#" -lt 3 ]; then
    sed -n '2,3s/^# //p' "$0" >&2
    exit 2
fi
repository=$(realpath "$1") http=$2 grpc=$3
shift 3

packages=$("$folder/venv/bin/python" -c 'import sysconfig; print(sysconfig.get_path("purelib"))')
# The backend's stub embeds Python: it has to find the library of the interpreter whose modules it loads, not the
# system's.
libraries=$("$folder/venv/bin/python" -c 'import sysconfig; print(sysconfig.get_config_var("LIBDIR"))')
export LD_LIBRARY_PATH=$libraries:$packages/nvidia_pytriton.libs${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}
export PATH=$folder/venv/bin:$PATH VIRTUAL_ENV=$folder/venv
export PYTHONPATH=$packages${PYTHONPATH:+:$PYTHONPATH} PYTHONDONTWRITEBYTECODE=1
server=$packages/pytriton/tritonserver
exec "$server/bin/tritonserver" \
    --model-repository "$repository" \
    --backend-directory "$folder/backends" \
    --cache-directory "$server/caches" --cache-config local,size=33554432 \
    --http-port "$http" --grpc-port "$grpc" --http-address 127.0.0.1 --grpc-address 127.0.0.1 \
    --allow-metrics false --exit-timeout-secs 5 "$@"

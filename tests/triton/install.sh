#!/usr/bin/env bash
# Installs Triton for the processor, its Python client and ONNX Runtime under target/triton, and prints the path of
# their Python. Does nothing where that was done before with the same requirements.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
folder=${CARGO_TARGET_DIR:-$here/../../target}/triton
python=$folder/venv/bin/python
if ! cmp -s "$here/requirements.txt" "$folder/installed.txt"; then
    mkdir -p "$folder"
    [ -x "$python" ] || python3 -m venv "$folder/venv"
    "$python" -m pip install --quiet --disable-pip-version-check -r "$here/requirements.txt" >&2
    server=$("$python" -c 'import sysconfig; print(sysconfig.get_path("purelib"))')/pytriton/tritonserver
    version=$("$python" -c 'import sys; print("%d.%d" % sys.version_info[:2])')
    # The server takes a folder a backend, with the stub of the Python at hand beside the library.
    rm -rf "$folder/backends" && mkdir -p "$folder/backends"
    cp -r "$server/backends/python" "$folder/backends/python"
    cp "$server/python_backend_stubs/$version/triton_python_backend_stub" "$folder/backends/python/"
    cp "$here/requirements.txt" "$folder/installed.txt"
fi
realpath --no-symlinks "$python"

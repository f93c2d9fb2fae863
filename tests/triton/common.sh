# What the scripts of this folder share; sourced by them.
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
root=$(cd "$here/../.." && pwd)
target=${CARGO_TARGET_DIR:-$root/target}
work=$target/triton/work
triton=

# free_ports N: ports that nobody listens on.
free_ports() {
    "$python" - "$1" <<'PYTHON'
import socket, sys
sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(int(sys.argv[1]))]
print(*[socket.getsockname()[1] for socket in sockets])
PYTHON
}

# start_triton REPOSITORY LOG [ARGUMENT...]: starts Triton and waits until it is ready; its gRPC address is $address.
start_triton() {
    local repository=$1 log=$2 http grpc
    shift 2
    read -r http grpc <<<"$(free_ports 2)"
    address=127.0.0.1:$grpc
    "$here/serve.sh" "$repository" "$http" "$grpc" "$@" >"$log" 2>&1 &
    triton=$!
    if ! "$python" - "$http" "$triton" <<'PYTHON'
import os, sys, time, urllib.request
url, end = f"http://127.0.0.1:{sys.argv[1]}/v2/health/ready", time.monotonic() + 120
while time.monotonic() < end:
    try:
        os.kill(int(sys.argv[2]), 0)
        if urllib.request.urlopen(url, timeout=2).status == 200:
            sys.exit(0)
    except ProcessLookupError:
        sys.exit("Triton has ended")
    except OSError:
        time.sleep(0.2)
sys.exit("Triton is not ready after two minutes")
PYTHON
    then
        tail -n 40 "$log" >&2
        return 1
    fi
}

stop_triton() {
    [ -n "$triton" ] || return 0
    kill -INT "$triton" 2>/dev/null || true
    wait "$triton" 2>/dev/null || true
    triton=
}
trap stop_triton EXIT

#!/bin/sh
# Prepares a device, once, as root; afterwards nothing of a deployment runs as root or needs a
# password:
#   sudo ./install.sh --board orin-nano --key fleet.pub --deploy-user fleet [--root /opt/drafthorse]
# It makes the user that the service runs as, the folder of releases, and the units. The user that
# deployments come in as must be there and have its ssh key.
set -eu
here=$(dirname "$(readlink -f "$0")")
board='' key='' deploy='' root=/opt/drafthorse
while [ $# -gt 0 ]; do
    case $1 in
    --board) board=$2 ;;
    --key) key=$2 ;;
    --deploy-user) deploy=$2 ;;
    --root) root=$2 ;;
    *)
        echo "install.sh: unknown option $1" >&2
        exit 2
        ;;
    esac
    shift 2
done
if [ -z "$board" ] || [ ! -f "$key" ] || [ -z "$deploy" ]; then
    echo "install.sh: --board NAME, --key FILE and --deploy-user USER are needed" >&2
    exit 2
fi
if [ "$(id -u)" -ne 0 ]; then
    echo "install.sh: this needs root: sudo ./install.sh ..." >&2
    exit 2
fi
group=$(id -gn "$deploy")
id drafthorse >/dev/null 2>&1 ||
    useradd --system --no-create-home --home-dir /var/lib/drafthorse --shell /usr/sbin/nologin drafthorse

# Whoever deploys reads the service's messages (cargo xtask logs).
! getent group systemd-journal >/dev/null || usermod -aG systemd-journal "$deploy"

# Sticky: deployments come and go here, and cannot touch what root has put beside them.
install -d -m 1775 -o root -g "$group" "$root"
install -d -m 755 -o root -g root "$root/trusted" "$root/vehicle"
foreign=$(find "$root/trusted" -name '*.pub' ! -user root)
if [ -n "$foreign" ]; then
    echo "install.sh: somebody else put these keys there: look at them, then remove them or give them to root:" >&2
    echo "$foreign" >&2
    exit 2
fi
install -m 644 -o root -g root "$key" "$root/trusted/$(basename "$key" .pub).pub"
[ -e "$root/restart" ] || install -m 644 -o "$deploy" -g "$group" /dev/null "$root/restart"
# Made elsewhere and moved there: what stood under that name is neither followed nor kept.
device=$(mktemp)
printf 'board = "%s"\n' "$board" >"$device"
if [ "$root" != /opt/drafthorse ]; then
    printf '\n[deploy]\nroot = "%s"\nrestart = ["touch", "%s/restart"]\n' "$root" "$root" >>"$device"
fi
rm -f "$root/device.toml"
install -m 644 -o root -g root "$device" "$root/device.toml"
rm -f "$device"

groups=
for name in video render dialout gpio; do
    ! getent group "$name" >/dev/null || groups="$groups $name"
done
for unit in "$here"/*.service "$here"/*.timer "$here"/*.path; do
    sed -e "s|@ROOT@|$root|g" -e "s|@DEPLOY@|$deploy|g" -e "s|@GROUPS@|$groups|g" "$unit" \
        >"/etc/systemd/system/$(basename "$unit")"
done
systemctl daemon-reload
systemctl enable drafthorse.service drafthorse-settle.service
systemctl enable --now drafthorse-restart.path drafthorse-watch.timer
echo "prepared: $root for $board; now: cargo xtask deploy --board $board --host $deploy@HOST --first-install"

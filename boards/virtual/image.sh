#!/usr/bin/env bash
# Makes the system of the virtual board:
#   image.sh FOLDER PUBLIC_SSH_KEY
# FOLDER then holds disk.img (Debian 12 for aarch64, ext4), vmlinuz and initrd. What it needs is named
# by `cargo xtask board`, which calls it.
set -euo pipefail
folder=$1 key=$(cat "$2")
here=$(cd "$(dirname "$0")" && pwd)
mirror=${DRAFTHORSE_DEBIAN_MIRROR:-http://deb.debian.org/debian}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir -p "$folder"

# In the place of initramfs-tools, whose scripts take minutes on an emulated processor: the modules
# that reach the disk, in the order in which they load.
cat >"$work/kernel.sh" <<'HOOK'
set -eu
root=$1 here=$2
cd "$root/tmp"
export APT_CONFIG=$MMDEBSTRAP_APT_CONFIG
package=$(apt-cache depends linux-image-arm64 | sed -n 's/.*Depends: \(linux-image-[^ ]*-arm64\)$/\1/p')
apt-get download -qq "$package"
# Not by dpkg -x: /lib is a link here and stays one.
dpkg-deb --fsys-tarfile ./*.deb | tar -x -C "$root" --keep-directory-symlink
rm ./*.deb
version=${package#linux-image-}
depmod -b "$root" "$version"
mkdir -p "$root/boot/initrd/modules"
cp "$here/init" "$root/boot/initrd/init"
chmod 755 "$root/boot/initrd/init"
for wanted in virtio_pci virtio_blk ext4; do
    modprobe -d "$root" -S "$version" --show-depends "$wanted" | sed -n 's/^insmod \([^ ]*\).*/\1/p'
done | awk '!seen[$0]++' | while read -r module; do
    cp "$module" "$root/boot/initrd/modules/"
    basename "$module" >>"$root/boot/initrd/order"
done
mkdir "$root/boot/initrd/bin"
cp "$root/bin/busybox" "$root/boot/initrd/bin/busybox"
(cd "$root/boot/initrd" && find . | cpio -o -H newc --quiet -R 0:0 | gzip -9) >"$root/boot/initrd.img"
rm -r "$root/boot/initrd"
mv "$root/boot/vmlinuz-$version" "$root/boot/vmlinuz"
HOOK

# The user that deployments come in as, and the keys of whoever brings the board up.
cat >"$work/users.sh" <<HOOK
set -eu
root=\$1
chroot "\$root" useradd --create-home --shell /bin/bash fleet
for home in root home/fleet; do
    mkdir -p "\$root/\$home/.ssh"
    echo '$key' >"\$root/\$home/.ssh/authorized_keys"
    chmod 700 "\$root/\$home/.ssh"
done
chroot "\$root" chown -R fleet: /home/fleet/.ssh
cp -r --no-preserve=ownership "$here/system/." "\$root/"
chroot "\$root" systemctl enable systemd-networkd ssh vehicle-can
chroot "\$root" systemctl mask --quiet apt-daily.timer apt-daily-upgrade.timer
# A board that was booted before: no questions of a first boot.
echo 6472616674686f7273652d626f617264 >"\$root/etc/machine-id"
echo virtual-board >"\$root/etc/hostname"
mkdir -p "\$root/var/log/journal"
HOOK

packages=systemd,systemd-sysv,udev,dbus,openssh-server,iproute2,kmod,busybox-static,can-utils,v4l-utils
mmdebstrap --architectures=arm64 --variant=minbase --include="$packages" \
    --dpkgopt='path-exclude=/usr/share/man/*' --dpkgopt='path-exclude=/usr/share/locale/*' \
    --dpkgopt='path-exclude=/usr/share/doc/*' \
    --customize-hook="sh '$work/kernel.sh' \"\$1\" '$here'" \
    --customize-hook="sh '$work/users.sh' \"\$1\"" \
    bookworm "$work/root.tar" "$mirror"

tar -xOf "$work/root.tar" ./boot/vmlinuz >"$folder/vmlinuz"
tar -xOf "$work/root.tar" ./boot/initrd.img >"$folder/initrd"
# Owners and devices without being root.
fakeroot sh -c "mkdir '$work/root' && tar -xf '$work/root.tar' -C '$work/root' \
    && mke2fs -q -t ext4 -L board -d '$work/root' '$folder/disk.partial' 4G"
mv "$folder/disk.partial" "$folder/disk.img"

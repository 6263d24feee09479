# shellcheck shell=bash disable=SC2154 # sourced by build.sh, which sets these names
# Makes two initrds: a small one that finds a disk, and the same one with /usr behind it for network boot.

modules=(virtio_pci virtio_blk virtio_scsi virtio_net virtio_rng sd_mod nvme ata_piix loop squashfs ext4 overlay af_packet)

make_initrd() {
  local folder=$work/initrd module path
  mkdir -p "$folder/bin"
  install -m 0755 "$recipe/initramfs/init" "$folder/init"
  install -m 0755 "$(command -v busybox)" "$folder/bin/busybox"
  for module in "${modules[@]}"; do
    # A module may have no file: it is built into this kernel, or this kernel does not know it. Neither is a fault.
    modprobe --dirname "$tree/usr" --set-version "$kernel_version" --show-depends "$module" 2>/dev/null || true
  done | sed -n 's/^insmod \([^ ]*\).*/\1/p' | sort -u | while read -r path; do
    install -D -m 0644 "$path" "$folder/${path#"$tree/usr/"}"
  done
  cp "$tree/usr/lib/modules/$kernel_version"/modules.{order,builtin,builtin.modinfo} "$folder/lib/modules/$kernel_version/"
  depmod --basedir "$folder" "$kernel_version"
  archive "$folder" | zstd -q -15 >/out/initrd.zst
}

make_network_initrd() {
  mkdir "$work/network"
  ln "$work/usr-in-memory.squashfs" "$work/network/usr.squashfs"
  with_more "$work/network" >"$work/pxe-initrd" # the squashfs is compressed itself
}

# The initrd of the disk; that of a broken release has another /init behind the good one, which the kernel takes.
disk_initrd() {
  local folder=$work/broken
  mkdir "$folder"
  case $broken in
    '')
      cat "$system/initrd.zst"
      return
      ;;
    panics) printf '#!/bin/busybox sh\n/bin/busybox echo "lab-init: %s is broken" >/dev/kmsg\nexit 1\n' "$version" >"$folder/init" ;;
    # All is there, and then nothing happens any more.
    hangs) sed 's#/usr/lib/systemd/systemd$#/usr/bin/sleep infinity#' "$recipe/initramfs/init" >"$folder/init" ;;
    *)
      say "a release is not broken so: $broken" >&2
      exit 1
      ;;
  esac
  chmod 0755 "$folder/init"
  with_more "$folder"
}

# The kernel takes archives in a row, each at a multiple of four bytes.
with_more() {
  cat "$system/initrd.zst"
  head -c $(((4 - $(stat -c %s "$system/initrd.zst") % 4) % 4)) /dev/zero
  archive "$1"
}

archive() { (cd "$1" && find . -mindepth 1 | sort | cpio --quiet --create --format=newc --owner=0:0 --reproducible); }

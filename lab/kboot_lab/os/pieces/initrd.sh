# shellcheck shell=bash disable=SC2154 # sourced by build.sh, which sets these names
# Makes two initrds: a small one that finds a disk, and the same one with /usr behind it for network boot.

modules=(virtio_pci virtio_blk virtio_scsi virtio_net virtio_rng sd_mod nvme ata_piix loop squashfs ext4 overlay af_packet)

make_initrds() {
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
  archive "$folder" | zstd -q -15 >"$work/initrd.zst"

  mkdir "$work/usr-initrd"
  ln "$work/usr.squashfs" "$work/usr-initrd/usr.squashfs"
  # The kernel takes archives in a row, each at a multiple of four bytes. The squashfs in the second is compressed itself.
  {
    cat "$work/initrd.zst"
    head -c $(((4 - $(stat -c %s "$work/initrd.zst") % 4) % 4)) /dev/zero
    archive "$work/usr-initrd"
  } >"$work/pxe-initrd"
}

archive() { (cd "$1" && find . -mindepth 1 | sort | cpio --quiet --create --format=newc --owner=0:0 --reproducible); }

# shellcheck shell=bash disable=SC2154 # sourced by build.sh, which sets these names
# Makes /usr of one release: the system that all share, and what differs put behind it, which takes seconds. A squashfs can be
# added to, not changed: so /usr/release, where links in the system lead to, is in no system.

# The system: /usr without /usr/release, and a root file system for the disk.
pack_system() {
  local root=$tree/usr/share/kboot-lab/root
  mksquashfs "$tree/usr" /out/usr.squashfs -comp zstd -Xcompression-level 15 -b 256K "${plain[@]}"
  cp "$work/vmlinuz" /out/vmlinuz
  mkdir "$root/usr"
  touch "$root/.first-boot"
  truncate -s "${root_mib}M" /out/root.ext4
  # Inodes and journal of a big file system, since the first boot grows it.
  mke2fs -q -t ext4 -b 4096 -i 16384 -I 256 -J size=16 -m 1 -L ROOT -d "$root" /out/root.ext4
}

plain=(-noappend -no-progress -quiet -mkfs-time 0 -no-xattrs)
root_mib=96

make_usr() {
  local own=$work/release
  mkdir -p "$own"
  write_names "$own"
  # The OS in memory has no disk to update: as in Flatcar's, a file says so, and no kernel for the disk goes with it.
  : >"$work/.noupdate"
  add_to_system "$work/usr-in-memory.squashfs" "$own" "$work/.noupdate"
  cp "$system/vmlinuz" "$own/vmlinuz"
  disk_initrd >"$own/initrd"
  add_to_system "$work/usr.squashfs" "$own" "$recipe/postinst"
  cp "$work/usr.squashfs" /out/usr.squashfs
}

add_to_system() { # add_to_system FILE SOURCE...
  cp "$system/usr.squashfs" "$1"
  mksquashfs "${@:2}" "$1" "${plain[@]:1}" -no-recovery -all-root >/dev/null
}

write_names() {
  cat >"$1/os-release" <<TEXT
NAME="Flatcar Container Linux by Kinvolk"
ID=flatcar
ID_LIKE=coreos
VERSION=$version
VERSION_ID=$version
BUILD_ID=kboot-lab
PRETTY_NAME="Flatcar Container Linux $version (kboot lab OS on Debian)"
TEXT
  printf 'GROUP=%s\nSERVER=https://public.update.flatcar-linux.net/v1/update/\n' "$channel" >"$1/update.conf"
  printf 'FLATCAR_RELEASE_VERSION=%s\nFLATCAR_RELEASE_BOARD=amd64-usr\nFLATCAR_RELEASE_APPID={%s}\n' \
    "$version" e96281a6-d1af-4bde-9a0a-97b76e56dc57 >"$1/release"
}

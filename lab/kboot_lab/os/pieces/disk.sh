# shellcheck shell=bash disable=SC2154 # sourced by build.sh, which sets these names
# Makes the disk image: GPT with Flatcar's partition names and numbers, bootable by BIOS (syslinux) and UEFI (GRUB).

mib=1048576
# tsc=reliable: with several emulated processors the kernel would not trust their counters and ask the emulated HPET for
# the time, and programs written in Go do that all the time.
kernel_line='root=LABEL=ROOT mitigations=off tsc=reliable loglevel=5'
consoles='console=tty0 console=ttyS0,115200n8'

make_disk() {
  local image=$work/disk.img esp_mib=40 oem_mib=16 root_mib=96 usr_mib oem_at root_at
  usr_mib=$(($(stat -c %s "$work/usr.squashfs") / mib + 1))
  oem_at=$((1 + esp_mib + usr_mib))
  root_at=$((oem_at + oem_mib))
  truncate -s $(((root_at + root_mib + 1) * mib)) "$image"
  sgdisk --clear \
    --new="1:1M:+${esp_mib}M" --typecode=1:ef00 --change-name=1:EFI-SYSTEM --attributes=1:set:2 \
    --new="3:$((1 + esp_mib))M:+${usr_mib}M" --typecode=3:5dfbf5f4-2848-4bac-aa5e-0d9a20b745a6 --change-name=3:USR-A \
    --partition-guid=3:7130c94a-213a-4e5a-8e26-6cce9662f132 \
    --new="6:${oem_at}M:+${oem_mib}M" --typecode=6:8300 --change-name=6:OEM \
    --new="9:${root_at}M:+${root_mib}M" --typecode=9:8300 --change-name=9:ROOT "$image" >/dev/null

  make_esp "$image" "$esp_mib"
  put_at "$work/usr.squashfs" "$((1 + esp_mib))"
  mkdir -p "$work/oem"
  truncate -s "${oem_mib}M" "$work/oem.ext4"
  mke2fs -q -t ext4 -b 4096 -L OEM -O ^has_journal -d "$work/oem" "$work/oem.ext4"
  put_at "$work/oem.ext4" "$oem_at"

  local root=$tree/usr/share/kboot-lab/root
  mkdir "$root/usr"
  touch "$root/.first-boot"
  truncate -s "${root_mib}M" "$work/root.ext4"
  # Inodes and journal of a big file system, since the first boot grows it.
  mke2fs -q -t ext4 -b 4096 -i 16384 -I 256 -J size=16 -m 1 -L ROOT -d "$root" "$work/root.ext4"
  put_at "$work/root.ext4" "$root_at"
}

put_at() { dd if="$1" of="$work/disk.img" bs=1M seek="$2" conv=notrunc,sparse status=none; }

make_esp() {
  local image=$1 esp=$1@@1M
  mformat -i "$esp" -T $(($2 * 2048)) -h 64 -s 32 -v EFI-SYSTEM ::
  mmd -i "$esp" ::/lab ::/EFI ::/EFI/BOOT
  mcopy -i "$esp" "$work/vmlinuz" ::/lab/vmlinuz
  mcopy -i "$esp" "$work/initrd.zst" ::/lab/initrd
  mcopy -i "$esp" - ::/syslinux.cfg <<TEXT
PROMPT 0
DEFAULT lab
LABEL lab
  LINUX /lab/vmlinuz
  INITRD /lab/initrd
  APPEND $kernel_line $consoles
TEXT
  # A script to GRUB, with `if`, only from a disk: what is embedded as such it reads line by line.
  mkdir -p "$work/memdisk/boot/grub"
  cat >"$work/memdisk/boot/grub/grub.cfg" <<TEXT
set linux_append=""
set linux_console="$consoles"
# The disk that the loader was started from is searched first: another may have partitions of these names too.
regexp --set=1:disk '^\((hd[0-9]+)' "\$cmdpath"
if search --no-floppy --set=oem --label OEM --hint "\$disk,gpt6"; then
  if [ -f (\$oem)/grub.cfg ]; then source (\$oem)/grub.cfg; fi
fi
search --no-floppy --set=root --file /lab/vmlinuz --hint "\$disk,gpt1"
linux /lab/vmlinuz $kernel_line \$linux_console \$linux_append
initrd /lab/initrd
boot
TEXT
  tar -C "$work/memdisk" -cf "$work/memdisk.tar" boot
  grub-mkimage -O x86_64-efi -o "$work/bootx64.efi" -p '(memdisk)/boot/grub' -m "$work/memdisk.tar" \
    memdisk tar normal configfile test regexp part_gpt fat ext2 search search_fs_file search_label linux boot
  mcopy -i "$esp" "$work/bootx64.efi" ::/EFI/BOOT/BOOTX64.EFI
  dd if=/usr/lib/syslinux/mbr/gptmbr.bin of="$image" bs=440 count=1 conv=notrunc status=none
  syslinux --install -t "$mib" "$image"
}

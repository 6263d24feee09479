# shellcheck shell=bash disable=SC2154 # sourced by build.sh, which sets these names
# Makes the disk image: GPT with Flatcar's partition names and numbers, bootable by BIOS and UEFI.

make_disk() {
  local image=$work/disk.img esp_mib=64 bios_mib=1 oem_mib=16 usr_mib bios_at usr_at oem_at root_at
  usr_mib=$(($(stat -c %s "$work/usr.squashfs") / mib + 33)) # an update may be larger
  bios_at=$((1 + esp_mib))
  usr_at=$((bios_at + bios_mib))
  oem_at=$((usr_at + 2 * usr_mib))
  root_at=$((oem_at + oem_mib))
  truncate -s $(((root_at + root_mib + 1) * mib)) "$image"
  sgdisk --clear \
    --new="1:1M:+${esp_mib}M" --typecode=1:ef00 --change-name=1:EFI-SYSTEM --attributes=1:set:2 \
    --new="2:${bios_at}M:+${bios_mib}M" --typecode=2:ef02 --change-name=2:BIOS-BOOT \
    --new="3:${usr_at}M:+${usr_mib}M" --typecode=3:5dfbf5f4-2848-4bac-aa5e-0d9a20b745a6 --change-name=3:USR-A \
    --partition-guid=3:7130c94a-213a-4e5a-8e26-6cce9662f132 \
    --new="4:$((usr_at + usr_mib))M:+${usr_mib}M" --typecode=4:5dfbf5f4-2848-4bac-aa5e-0d9a20b745a6 --change-name=4:USR-B \
    --partition-guid=4:e03dd35c-7c2d-4a47-b3fe-27f15780a57c \
    --new="6:${oem_at}M:+${oem_mib}M" --typecode=6:8300 --change-name=6:OEM \
    --new="9:${root_at}M:+${root_mib}M" --typecode=9:8300 --change-name=9:ROOT "$image" >/dev/null

  make_loaders
  make_esp "$image" "$esp_mib"
  embed_loader "$image" "$bios_at"
  put_at "$work/usr.squashfs" "$usr_at"
  mkdir -p "$work/oem"
  truncate -s "${oem_mib}M" "$work/oem.ext4"
  mke2fs -q -t ext4 -b 4096 -L OEM -O ^has_journal -d "$work/oem" "$work/oem.ext4"
  put_at "$work/oem.ext4" "$oem_at"
  put_at "$system/root.ext4" "$root_at"
}

put_at() { dd if="$1" of="$work/disk.img" bs=1M seek="$2" conv=notrunc,sparse status=none; }

make_esp() {
  local esp=$1@@1M
  mformat -i "$esp" -T $(($2 * 2048)) -h 64 -s 32 -v EFI-SYSTEM ::
  mmd -i "$esp" ::/flatcar ::/EFI ::/EFI/BOOT
  mcopy -i "$esp" "$work/release/vmlinuz" ::/flatcar/vmlinuz-a
  mcopy -i "$esp" "$work/release/initrd" ::/flatcar/initrd-a
  mcopy -i "$esp" "$work/bootx64.efi" ::/EFI/BOOT/BOOTX64.EFI
  bash "$recipe/root/usr/lib/kboot-lab/grubenv" a '' | mcopy -i "$esp" - ::/flatcar/grubenv
}

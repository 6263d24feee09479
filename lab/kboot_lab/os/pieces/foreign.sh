# shellcheck shell=bash disable=SC2154 # sourced by build.sh, which sets these names
# Makes a disk that another operating system was installed on, as far as firmware can see: an ESP with a loader at the fallback
# path, and boot code for BIOS. Both say so on the console and stay.

foreign_words='A FOREIGN SYSTEM BOOTED'
mib=1048576

make_foreign_disk() {
  local image=/out/foreign-esp.raw esp_mib=40
  truncate -s "$((esp_mib + 2))M" "$image"
  sgdisk --clear --new="1:1M:+${esp_mib}M" --typecode=1:ef00 --change-name=1:'EFI System Partition' \
    --attributes=1:set:2 "$image" >/dev/null
  mformat -i "$image@@1M" -T $((esp_mib * 2048)) -h 64 -s 32 -v FOREIGN ::
  mmd -i "$image@@1M" ::/EFI ::/EFI/BOOT
  make_foreign_loader
  mcopy -i "$image@@1M" "$work/foreign.efi" ::/EFI/BOOT/BOOTX64.EFI
  printf 'SERIAL 0 115200\nSAY %s\nPROMPT 1\nTIMEOUT 0\nLABEL none\n  LOCALBOOT -1\n' "$foreign_words" |
    mcopy -i "$image@@1M" - ::/syslinux.cfg
  dd if=/usr/lib/syslinux/mbr/gptmbr.bin of="$image" bs=440 count=1 conv=notrunc status=none
  syslinux --install -t "$mib" "$image"
}

# An embedded config is read by GRUB's smallest parser: one command a line.
make_foreign_loader() {
  printf 'echo "%s"\nsleep 86400\n' "$foreign_words" >"$work/foreign.cfg"
  grub-mkimage -O x86_64-efi -o "$work/foreign.efi" -p /EFI/BOOT -c "$work/foreign.cfg" echo sleep
}

# shellcheck shell=bash disable=SC2154 # sourced by build.sh, which sets these names
# Makes the boot loader of the disk: GRUB for BIOS and for UEFI, which goes by flatcar/grubenv of the ESP.
# `good` there is the slot (a or b) that has come up; `try` one that is to be tried, once: GRUB takes the word away before it
# starts that slot, and so whatever comes next is the good one, until the tried one says that it is good
# (/usr/sbin/flatcar-setgoodroot). Flatcar keeps the same in attributes of its partitions, which Debian's GRUB cannot read.

# tsc=reliable: with several emulated processors the kernel would not trust their counters and ask the emulated HPET for
# the time, and programs written in Go do that all the time.
kernel_line='root=LABEL=ROOT mitigations=off tsc=reliable loglevel=5 panic=10'
consoles='console=tty0 console=ttyS0,115200n8'
patience_s=900 # for a system that is tried, before it is taken for hung: it may be an emulated one on a busy host
loader_modules=(memdisk tar normal configfile test regexp echo sleep reboot loadenv part_gpt fat ext2)
loader_modules+=(search search_fs_file search_label linux boot)

make_loaders() {
  # A script to GRUB, with `if`, only from a disk: what is embedded as such it reads line by line.
  mkdir -p "$work/memdisk/boot/grub"
  write_loader_script >"$work/memdisk/boot/grub/grub.cfg"
  tar -C "$work/memdisk" -cf "$work/memdisk.tar" boot
  grub-mkimage -O x86_64-efi -o "$work/bootx64.efi" -p '(memdisk)/boot/grub' -m "$work/memdisk.tar" "${loader_modules[@]}"
  grub-mkimage -O i386-pc -o "$work/core.img" -p '(memdisk)/boot/grub' -m "$work/memdisk.tar" biosdisk "${loader_modules[@]}"
}

write_loader_script() {
  cat <<TEXT
set linux_append=""
set linux_console="$consoles"
# The disk that the loader was started from is searched first: another may have partitions of these names too.
regexp --set=1:disk '^\((hd[0-9]+)' "\$cmdpath"
if search --no-floppy --set=oem --label OEM --hint "\$disk,gpt6"; then
  if [ -f (\$oem)/grub.cfg ]; then source (\$oem)/grub.cfg; fi
fi
search --no-floppy --set=root --file /flatcar/grubenv --hint "\$disk,gpt1"
set environment=(\$root)/flatcar/grubenv
load_env --file \$environment good try
set slot="\$good"
set tried=""
if [ -n "\$try" ]; then
  set wanted="\$try"
  set try=""
  if save_env --file \$environment try; then
    set slot="\$wanted"
    set tried="kboot-lab.patience=$patience_s"
  fi
fi
if [ "\$slot" = b ]; then set usr=USR-B; else set usr=USR-A; fi
echo "starting \$usr"
if linux /flatcar/vmlinuz-\$slot mount.usr=PARTLABEL=\$usr $kernel_line \$tried \$linux_console \$linux_append; then
  if initrd /flatcar/initrd-\$slot; then boot; fi
fi
echo "\$usr cannot be started, next try in 30 seconds"
sleep 30
reboot
TEXT
}

# Puts GRUB where a BIOS begins, as grub-bios-setup would, which wants a block device: boot code into the first sector, with the
# place of what it loads; and that into the partition BIOS-BOOT, with the place of its own second sector.
embed_loader() { # embed_loader IMAGE PLACE-OF-BIOS-BOOT-IN-MIB
  local at=$(($2 * mib / 512))
  cp /usr/lib/grub/i386-pc/boot.img "$work/boot.img"
  put_number "$work/boot.img" $((0x5c)) "$at"
  put_number "$work/core.img" $((0x1f4)) $((at + 1))
  dd if="$work/boot.img" of="$1" bs=440 count=1 conv=notrunc status=none
  dd if="$work/core.img" of="$1" bs=1M seek="$2" conv=notrunc status=none
}

put_number() { # put_number FILE PLACE VALUE: eight bytes, the lowest first
  local number
  printf -v number '%016x' "$3"
  printf '%b' "$(fold -w 2 <<<"$number" | tac | sed 's/^/\\x/' | tr -d '\n')" |
    dd of="$1" bs=1 seek="$2" conv=notrunc status=none
}

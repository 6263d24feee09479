#!/bin/bash
# Makes two disks, both bootable by BIOS and UEFI: what boots says which disk it is from. Both have the boot loader's usual
# name, the second alone the kernel of the OS, and the partition GUID $1 for its ESP.
set -euo pipefail
cd /scratch

make_disk() { # make_disk FILE NAME
  truncate -s 64M "$1"
  sgdisk --clear --new=1:1M:+33M --typecode=1:ef00 --change-name=1:EFI-SYSTEM "$1" >/dev/null
  printf 'echo "BOOTED THE %s DISK"\nsleep 60\nhalt\n' "$2" >grub.cfg
  grub-mkimage -O x86_64-efi -p / -c grub.cfg -o bootx64.efi echo sleep halt normal
  mformat -i "$1@@1M" -T $((33 * 2048)) -h 64 -s 32 -v EFI-SYSTEM ::
  mmd -i "$1@@1M" ::/EFI ::/EFI/BOOT ::/flatcar
  mcopy -i "$1@@1M" bootx64.efi ::/EFI/BOOT/BOOTX64.EFI
  # xor ax,ax; mov ds,ax; cld; mov si,0x7c1b; mov dx,0x3f8; next: lodsb; test al,al; jz end; out dx,al; jmp next; end: hlt; jmp end
  printf '\061\300\216\330\374\276\033\174\272\370\003\254\204\300\164\003\356\353\370\364\353\375\220\220\220\220\220' |
    dd of="$1" conv=notrunc bs=1 status=none
  printf 'BOOTED THE %s DISK\r\n\0' "$2" | dd of="$1" conv=notrunc bs=1 seek=27 status=none
}

make_disk older.raw OLDER
make_disk installed.raw INSTALLED
sgdisk --partition-guid=1:"$1" installed.raw >/dev/null
mcopy -i installed.raw@@1M grub.cfg ::/flatcar/vmlinuz-a

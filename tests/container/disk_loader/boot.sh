#!/bin/bash
# Boots a machine with firmware $1 from the network, the older disk before the installed one in the firmware's order,
# and prints its console once something said what it boots, or that it does not.
set -euo pipefail
cd /tmp
cp --sparse=always /work/older.raw /work/installed.raw .
arguments=(-machine "pc,graphics=off")
if [ "$1" = uefi ]; then
  cp /usr/share/OVMF/OVMF_VARS.fd efi-vars.fd
  arguments=(-machine q35 -drive "if=pflash,format=raw,readonly=on,file=/usr/share/OVMF/OVMF_CODE.fd"
    -drive "if=pflash,format=raw,file=efi-vars.fd")
fi
qemu-system-x86_64 "${arguments[@]}" -accel tcg -cpu qemu64 -m 512 -nodefaults -no-user-config -display none \
  -serial file:console.log -netdev "user,id=net,tftp=/work,bootfile=boot.ipxe" \
  -device virtio-net-pci,netdev=net,bootindex=1 \
  -drive if=none,id=older,file=older.raw,format=raw -device virtio-blk-pci,drive=older,bootindex=2 \
  -drive if=none,id=installed,file=installed.raw,format=raw -device virtio-blk-pci,drive=installed,bootindex=3 &
# What SeaBIOS moves the cursor between, perhaps in the middle of a word, is one text.
console() { tr -d '\000' <console.log | sed 's/\x1b\[[0-9;?=]*[A-Za-z]//g'; }
for _ in {1..180}; do
  ! console 2>/dev/null | grep -a 'BOOTED THE .* DISK\|Next try in a minute' >/dev/null || break
  sleep 0.5
done
kill %1
console

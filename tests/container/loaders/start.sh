#!/bin/bash
# Boots a machine with firmware $1, whose card has an iPXE of its own, from the network with the boot file $2, and prints
# its console once a boot script that was fetched by HTTP said by which iPXE.
set -euo pipefail
cd /tmp
mkdir http
printf '#!ipxe\necho BOOT SCRIPT BY ${version} END\nsleep 60\n' >http/boot.ipxe
arguments=(-machine "pc,graphics=off")
if [ "$1" = uefi ]; then
  cp /usr/share/OVMF/OVMF_VARS.fd efi-vars.fd
  arguments=(-machine q35 -drive "if=pflash,format=raw,readonly=on,file=/usr/share/OVMF/OVMF_CODE.fd"
    -drive "if=pflash,format=raw,file=efi-vars.fd")
fi
python3 -m http.server --directory http --bind 127.0.0.1 80 >http.log 2>&1 &
qemu-system-x86_64 "${arguments[@]}" -accel tcg -cpu qemu64 -m 512 -nodefaults -no-user-config -display none \
  -serial file:console.log -netdev "user,id=net,tftp=/work/loaders,bootfile=$2" \
  -device virtio-net-pci,netdev=net,bootindex=1 &
console() { tr -d '\000' <console.log | sed 's/\x1b\[[0-9;?=]*[A-Za-z]//g'; }
for _ in {1..400}; do
  ! console 2>/dev/null | grep -a 'BOOT SCRIPT BY .* END' >/dev/null || break
  sleep 0.5
done
kill %1 %2
console

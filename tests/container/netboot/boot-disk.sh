#!/bin/bash
# Boots a machine with firmware $1 from the network, the older disk before the installed one in the firmware's order,
# and prints its console once something said what it boots, or that it does not.
set -euo pipefail
. /netboot/machine.sh
cd /tmp
cp --sparse=always /scratch/older.raw /scratch/installed.raw .
start_machine "$1" /scratch boot.ipxe \
  -drive if=none,id=older,file=older.raw,format=raw -device virtio-blk-pci,drive=older,bootindex=2 \
  -drive if=none,id=installed,file=installed.raw,format=raw -device virtio-blk-pci,drive=installed,bootindex=3
console_until 'BOOTED THE .* DISK\|Next try in a minute' 180

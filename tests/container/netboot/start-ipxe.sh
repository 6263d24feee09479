#!/bin/bash
# Boots a machine with firmware $1, whose card has an iPXE of its own, from the network with the boot file $2, and prints
# its console once a boot script that was fetched by HTTP said by which iPXE.
set -euo pipefail
. /netboot/machine.sh
cd /tmp
mkdir http
printf '#!ipxe\necho BOOT SCRIPT BY ${version} END\nsleep 60\n' >http/boot.ipxe
python3 -m http.server --directory http --bind 127.0.0.1 80 >http.log 2>&1 &
server=$!
start_machine "$1" /scratch/loaders "$2"
console_until 'BOOT SCRIPT BY .* END' 400
kill "$server"

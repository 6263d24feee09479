#!/bin/bash
# Runs one machine in this container: its cards lie on a bridge with eth0, so that it stands on the container's network
# with MAC addresses of its own. QEMU replaces this script: SIGTERM is the power switch, and a machine that switches
# itself off ends the container. Disks, console and settings of the firmware are kept in /machine.
set -euo pipefail
: "${KBOOT_VM_NICS:?one MAC address or more, parted by commas}"
firmware=${KBOOT_VM_FIRMWARE:-bios}
place=${KBOOT_VM_PLACE:-/machine}
ovmf=${KBOOT_VM_OVMF:-/usr/share/OVMF}
IFS=, read -r -a macs <<<"$KBOOT_VM_NICS"
IFS=, read -r -a unplugged <<<"${KBOOT_VM_UNPLUGGED-}" # the cards among them that have no cable
IFS=, read -r -a disks <<<"${KBOOT_VM_DISKS-8G:virtio:}" # SIZE:BUS:CONTENTS
read -r -a port <<<"${KBOOT_VM_PORT-}"                   # options of port.py; none: the ports are good ones
library=${KBOOT_VM_LIBRARY:-/usr/local/lib/kboot}

# Of QEMU's processors, qemu64 boots with the least work: on `max` the C library uses wide instructions, which are slow
# to emulate, and on one that Intel makes the kernel switches page tables at each system call. It has one alone: two
# that are emulated stop each other at each change of a page table, and one waits for a lock that the other, not running, holds.
processor=(-accel tcg -cpu "qemu64,+rdrand" -smp 1)
[ "${KBOOT_VM_ACCEL:-tcg}" != kvm ] || processor=(-accel kvm -cpu host -smp "${KBOOT_VM_CPUS:-1}")
arguments=(
  -name "$HOSTNAME"
  "${processor[@]}"
  -m "${KBOOT_VM_MEMORY_MB:-1536}"
  -nodefaults
  -no-user-config
  -display none
  -device virtio-rng-pci
  -chardev "socket,id=console,path=$place/console.sock,server=on,wait=off,logfile=$place/console.log,logappend=on"
  -serial chardev:console
  -qmp "unix:$place/qmp.sock,server=on,wait=off"
  -smbios "type=3,asset=kboot-lab${KBOOT_VM_TRAITS-}" # the lab OS reads there what it should be like
)
[ -z "${KBOOT_VM_CLOCK-}" ] || arguments+=(-rtc "base=$KBOOT_VM_CLOCK")

# A server goes through its boot order again and again; SeaBIOS stands still, unless it is told to begin anew. OVMF knows no
# such option and waits at its menu.
[ "${#port[@]}" = 0 ] || arguments+=(-boot reboot-timeout=5000)

case $firmware in
  bios) arguments+=(-machine "pc,graphics=off") ;; # SeaBIOS then speaks on the serial console
  uefi)
    [ -e "$place/efi-vars.fd" ] || cp "$ovmf/OVMF_VARS.fd" "$place/efi-vars.fd"
    arguments+=(
      -machine q35
      -drive "if=pflash,format=raw,readonly=on,file=$ovmf/OVMF_CODE.fd"
      -drive "if=pflash,format=raw,file=$place/efi-vars.fd"
    )
    ;;
  *)
    printf 'KBOOT_VM_FIRMWARE: %s is neither bios nor uefi\n' "$firmware" >&2
    exit 2
    ;;
esac

# No address on the bridge: the container itself does not speak on the network of its machine.
ip link add br0 type bridge forward_delay 0 stp_state 0
ip address flush dev eth0
ip link set eth0 master br0
ip link set br0 up

# The network comes first in the boot order, then the disks, both in the order they were named.
order=0
without_cable=()
for number in "${!macs[@]}"; do
  order=$((order + 1))
  bridge=br0
  if [ "${#port[@]}" -gt 0 ]; then # port.py carries its frames from a bridge of its own to br0
    bridge=port$number
    ip link add "$bridge" type bridge forward_delay 0 stp_state 0
    ip link set "$bridge" up
  fi
  ip tuntap add "tap$number" mode tap
  ip link set "tap$number" master "$bridge" up
  arguments+=(-netdev "tap,id=net$number,ifname=tap$number,script=no,downscript=no")
  arguments+=(-device "virtio-net-pci,netdev=net$number,mac=${macs[number]},bootindex=$order")
  [[ " ${unplugged[*]} " != *" ${macs[number]} "* ]] || without_cable+=("net$number")
done
on_ide=0 on_sata=0
for number in "${!disks[@]}"; do
  order=$((order + 1))
  IFS=: read -r size bus contents <<<"${disks[number]}"
  disk=$place/disk$number.raw
  if [ ! -e "$disk" ]; then
    truncate -s "$size" "$disk.new"
    [ -z "$contents" ] || python3 "$library/disk_contents.py" "$contents" "$disk.new"
    mv "$disk.new" "$disk"
  fi
  case $bus in
    virtio) device=virtio-blk-pci ;;
    nvme) device=nvme ;;
    ide)
      # BIOS machines have IDE's two buses, each with room for two disks; UEFI machines are given them.
      if [ "$firmware" = uefi ] && [ "$on_ide" = 0 ]; then arguments+=(-device "piix3-ide,id=pata"); fi
      buses=ide
      [ "$firmware" = bios ] || buses=pata
      device=ide-hd,bus=$buses.$((on_ide / 2)),unit=$((on_ide % 2))
      on_ide=$((on_ide + 1))
      ;;
    sata)
      [ "$on_sata" != 0 ] || arguments+=(-device "ahci,id=sata")
      device=ide-hd,bus=sata.$on_sata
      on_sata=$((on_sata + 1))
      ;;
  esac
  arguments+=(
    -drive "if=none,id=disk$number,file=$disk,format=raw,cache=unsafe,discard=unmap,detect-zeroes=unmap"
    -device "$device,drive=disk$number,serial=disk$number,bootindex=$order"
  )
done

[ "${#port[@]}" = 0 ] || python3 "$library/port.py" "${port[@]}" br0 "${macs[@]}" &
python3 "$library/answer_routers.py" br0 "${macs[@]}" &
if [ "${#without_cable[@]}" -gt 0 ]; then # -S: the cables are out before the machine runs its first instruction
  rm -f "$place/qmp.sock"
  arguments+=(-S)
  (
    until [ -S "$place/qmp.sock" ]; do sleep 0.1; done
    exec python3 "$library/unplug.py" "$place/qmp.sock" "${without_cable[@]}"
  ) &
fi
exec qemu-system-x86_64 "${arguments[@]}"

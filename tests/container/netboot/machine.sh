# Sourced: a machine that boots from the network in QEMU, and its console.

# start_machine FIRMWARE TFTP BOOTFILE [OPTION]...: `bios` or `uefi`, the folder that TFTP serves, what firmware asks there.
start_machine() {
  local firmware=$1 tftp=$2 bootfile=$3 arguments=(-machine "pc,graphics=off")
  shift 3
  if [ "$firmware" = uefi ]; then
    cp /usr/share/OVMF/OVMF_VARS.fd efi-vars.fd
    arguments=(-machine q35 -drive "if=pflash,format=raw,readonly=on,file=/usr/share/OVMF/OVMF_CODE.fd"
      -drive "if=pflash,format=raw,file=efi-vars.fd")
  fi
  qemu-system-x86_64 "${arguments[@]}" -accel tcg -cpu qemu64 -m 512 -nodefaults -no-user-config -display none \
    -serial file:console.log -netdev "user,id=net,tftp=$tftp,bootfile=$bootfile" \
    -device virtio-net-pci,netdev=net,bootindex=1 "$@" &
  machine=$!
}

# What SeaBIOS moves the cursor between, perhaps in the middle of a word, is one text.
console() { tr -d '\000' <console.log | sed 's/\x1b\[[0-9;?=]*[A-Za-z]//g'; }

# console_until PATTERN TRIES: prints the console once a line of it is that, or after so many half seconds, and ends the machine.
console_until() {
  local tries=$2
  until console 2>/dev/null | grep -a "$1" >/dev/null || [ "$tries" = 0 ]; do
    tries=$((tries - 1))
    sleep 0.5
  done
  kill "$machine"
  console
}

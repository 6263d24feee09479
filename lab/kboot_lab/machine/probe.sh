#!/bin/bash
# Says whether a guest really runs: `kboot-probe ACCELERATOR KERNEL SECONDS`. Boots the kernel as run.sh would, with nothing
# to mount: a kernel that runs finds no root file system and resets, which ends QEMU. Prints why not, and fails.
set -euo pipefail
accelerator=$1 kernel=$2 seconds=$3
cpu=qemu64
[ "$accelerator" != kvm ] || cpu=host

status=0
said=$(
  timeout --kill-after=2 "$seconds" qemu-system-x86_64 -accel "$accelerator" -cpu "$cpu" -m 512 -nodefaults \
    -no-user-config -display none -no-reboot -serial stdio -kernel "$kernel" \
    -append "console=ttyS0 earlyprintk=serial panic=-1" </dev/null 2>&1
) || status=$?
if [ "$status" = 124 ] || [ "$status" = 137 ]; then
  printf 'a guest hangs: no end of its boot after %s s\n' "$seconds"
  exit 1
fi
if [ "$status" != 0 ] || [[ $said != *"Unable to mount root fs"* ]]; then
  # Where QEMU aborts, the error stands before the failed assertion.
  printf 'a guest does not run: %s\n' "$(grep --max-count=1 'error: ' <<<"$said" || tail -n 1 <<<"$said")"
  exit 1
fi

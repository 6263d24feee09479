#!/bin/bash
# From config/install.sh.j2: installs the OS to the disk of this machine and reboots it.
# The OS in memory runs it at its boot, and again after every end but that of an install: two runs at once do nothing twice.
set -euo pipefail

bootstrapper=10.20.0.2
installer=flatcar-install
# Filled in by the cloud-config server for the one machine that asks:
KBOOT_MAC='' KBOOT_TOKEN='' KBOOT_ARMED='no' KBOOT_CHANNEL='' KBOOT_VERSION='' KBOOT_BOARD='' KBOOT_CONFIG=''
KBOOT_DISK='' KBOOT_DISK_MODEL='' KBOOT_DISK_MIN_BYTES=0 KBOOT_DISK_SMALLEST='no' KBOOT_WIPE='no' KBOOT_KNOWN_DISK=''
KBOOT_BOOT='' KBOOT_CARDS='' KBOOT_IMAGE_BYTES='' KBOOT_KERNEL_ARGS='' KBOOT_CONSOLES=''
# kboot:machine

work=/run/kboot-install
log=$work/log # what is told of this run where it fails
# The OS runs this without one, and its installer needs it to wipe what it has written and then refused.
export HOME=/root
# The journal has it, and whoever stands at the machine or at any of its consoles: the OS shows nothing there but a login.
{ read -r -a consoles </sys/class/tty/console/active; } 2>/dev/null || consoles=(console)
[[ " ${consoles[*]} " == *' tty0 '* ]] || consoles+=(tty0)
say() {
  local console
  printf 'kboot: %s\n' "$*"
  { printf 'kboot: %s\n' "$*" >>"$log"; } 2>/dev/null || true
  for console in "${consoles[@]}"; do
    console=/dev/$console
    [ -w "$console" ] || continue
    # A terminal that was stopped, by Ctrl-S for one, takes nothing and says nothing.
    printf 'kboot: %s\n' "$*" | timeout 2 tee -a "$console" >/dev/null 2>&1 || true
  done
}

# Part of install.sh: which cards this machine has, and by which of them the bootstrapper is asked. It gives secrets to this
# machine's own leased address, and takes reports from there, alone; another card of the same network may have got the route.

# Lines of `address card`, for each card whose lease is this machine's.
own_cards() {
  local mac card
  for mac in $KBOOT_CARDS; do
    for card in $(ip -br link show | awk -v mac="$mac" '$3 == mac {sub(/@.*/, "", $1); print $1}'); do
      ip -br -4 address show dev "$card" scope global |
        awk -v card="$card" '{for (i = 3; i <= NF; i++) if (sub(/\/.*/, "", $i)) print $i, card}'
    done
  done
}

# Sets curl's options for a try, which are those of the last one that went well. Asking from the address, by whatever card,
# works with each rp_filter; asking by the card does not with a strict one, but where a switch lets each port send from its
# own address alone. After ten tries it is asked without either too, so that the bootstrapper can say where it sees this
# machine, and from the first one on where that went well.
by_own_card=() way=none
ask_by_own_card() { # ask_by_own_card TRY, from 0 on; fails where none of the cards has an address yet
  local ways=() count number=0
  by_own_card=()
  [ -n "$KBOOT_CARDS" ] || return 0
  mapfile -t ways < <(own_cards | tr ' ' '\n' | awk '!seen[$0]++')
  if [ "$1" -ge 10 ] || [ -z "$way" ]; then ways+=(''); fi
  count="${#ways[@]}"
  [ "$count" != 0 ] || return 1
  until [ "$number" = "$count" ] || [ "${ways[number]}" = "$way" ]; do number=$((number + 1)); done
  if [ "$1" != 0 ] && [ "$number" != "$count" ]; then number=$((number + 1)); fi
  way=${ways[number % count]}
  [ -z "$way" ] || by_own_card=(--interface "$way")
}

# Cards that are devices: neither bridges and bonds nor what a card shares out among virtual machines.
cards_json() {
  local path mac link speed driver separator=''
  printf '['
  for path in /sys/class/net/*; do
    if [ ! -e "$path/device" ] || [ -e "$path/device/physfn" ]; then continue; fi
    mac=$(cat "$path/address" 2>/dev/null) || mac=''
    [[ $mac =~ ^[0-9a-f]{2}(:[0-9a-f]{2}){5,19}$ ]] || continue
    case $(cat "$path/carrier" 2>/dev/null) in # an error while the card is switched off
      1) link=up ;;
      0) link=down ;;
      *) link=unknown ;;
    esac
    speed=$(cat "$path/speed" 2>/dev/null) || speed=''
    driver=$(readlink "$path/device/driver") || driver=''
    printf '%s{"name": "%s", "mac": "%s", "link": "%s"' "$separator" "$(plain_text <<<"${path##*/}")" "$mac" "$link"
    if [[ $speed =~ ^[1-9][0-9]{0,6}$ ]]; then printf ', "speed_mbit": %s' "$speed"; fi
    printf ', "driver": "%s"}' "$(plain_text <<<"${driver##*/}" | cut -c 1-60)"
    separator=', '
  done
  printf ']'
}

# The end of a log as strings for a list in JSON: each line once where it comes again and again, without colours and blank lines,
# what is no letter of ASCII as `?`. A secret is taken out before a line is cut, or a part of it would be left.
json_lines() { # json_lines LINES BYTES SECRET <LOG
  local text
  text=$(tr '\r\t' '\n ' | tr -c '\n\033 -~' '?' | sed $'s/\e\\[[0-9;?]*[A-Za-z]//g; s/\e/?/g; /^ *$/d' | uniq |
    tail -n "$1" | tail -c 65536)
  [ -n "$text" ] || return 0
  printf '%s\n' "${text//"$3"/<secret>}" | cut -c 1-400 | tail -c "$2" |
    sed 's/[\\"]/\\&/g; s/.*/"&"/; $!s/$/,/' | tr '\n' ' '
}

mkdir -p "$work"
chmod 0700 "$work"
# The kernel lets go of it however a run ends, and while an installer that outlived it still writes it does not.
exec 9>"$work/lock"
if ! flock --nonblock 9; then
  say "it runs on this machine already"
  exit 1
fi
if [ -e "$work/installed" ]; then
  say "this machine is installed and restarts"
  exit 0
fi
: >"$log"
# The bootstrapper may not know the lease yet, or another card has asked: it is asked again for ten minutes.
ask_again() {
  local tries=60
  say "$KBOOT_MAC is to be installed, but the bootstrapper does not know it by this address or boot value: asking again"
  while [ "$tries" -gt 0 ]; do
    sleep 10
    tries=$((tries - 1))
    ask_by_own_card $((59 - tries)) || continue
    curl "${by_own_card[@]}" --fail --silent --connect-timeout 10 --max-time 60 --output "$work/install.sh" \
      "http://$bootstrapper/install.sh?mac=${KBOOT_MAC//:/-}${KBOOT_BOOT:+&boot=$KBOOT_BOOT}" || continue
    if grep -q '^KBOOT_ARMED=\(yes\|no\)$' "$work/install.sh"; then
      exec 9>&- /bin/bash "$work/install.sh"
    fi
  done
  say "the bootstrapper still does not see $KBOOT_MAC at its own address, \`kboot status\` says where; nothing was touched"
  exit 1
}
[ "$KBOOT_ARMED" != elsewhere ] || ask_again
if [ "$KBOOT_ARMED" != yes ]; then
  say "this machine is not to be installed now: \`kboot node reinstall\` arms it; nothing was touched"
  exit 1
fi

cat >"$work/ca.pem" <<'CERTIFICATE'
-----BEGIN CERTIFICATE-----
dGhlIGNlcnRpZmljYXRlIG9mIGNsdXN0ZXItY2E=
-----END CERTIFICATE-----
CERTIFICATE
# The token goes by a file, so that no list of processes shows it.
printf 'header = "Authorization: Bearer %s"\n' "$KBOOT_TOKEN" >"$work/token"
# Tries for ten minutes: any service may restart under an install.
fetch() { # fetch URL FILE [CURL OPTION]...
  local url=$1 file=$2 tries=0
  shift 2
  until ask_by_own_card "$tries" &&
    curl "${by_own_card[@]}" --fail --silent --show-error --location --max-redirs 0 --connect-timeout 10 \
      --max-time 60 "$@" --output "$file.part" "$url" 2>&1 | tee -a "$log" >&2 && [ -s "$file.part" ]; do
    tries=$((tries + 1))
    [ "$tries" -lt 100 ] || return 1
    sleep 6
  done
  mv "$file.part" "$file"
}

report() { # report JSON TRIES
  local tries=0
  until ask_by_own_card "$tries" &&
    curl "${by_own_card[@]}" --config "$work/token" --fail --silent --connect-timeout 10 --max-time 20 \
      --cacert "$work/ca.pem" --header 'Content-Type: application/json' --data "$1" \
      "https://$bootstrapper/v1/nodes/$KBOOT_MAC/events"; do
    tries=$((tries + 1))
    [ "$tries" -lt "$2" ] || return 1
    sleep 5
  done
}

reason=''
fail() {
  reason=$*
  say "failed: $reason"
  exit 1
}

finish() {
  local status=$?
  trap '' HUP INT TERM
  [ -z "${progress_pid:-}" ] || kill "$progress_pid" 2>/dev/null || true
  if [ "$status" != 0 ]; then
    end_installer # where a signal ends this script
    leave_unbootable
    [ -n "$reason" ] || reason="install.sh ended with status $status"
    reason=$(printf '%s' "$reason" | tr -c '[:alnum:] .,:;/_()+=-' ' ' | cut -c 1-400)
    failed="\"phase\": \"failed\", \"detail\": \"$reason\""
    # A bootstrapper that takes no log, an older one for one, is told the reason all the same.
    report "{$failed, \"log\": [$(json_lines 40 8000 "$KBOOT_TOKEN" <"$log")]}" 3 || report "{$failed}" 2 || true
  fi
}
trap finish EXIT
# Without a trap the signal would end this script with the status of its last command, which is 0 while the installer writes.
for signal in HUP INT TERM; do
  # shellcheck disable=SC2064 # the name as it is now
  trap "fail 'install.sh was ended by SIG$signal'" "$signal"
done

# Certificates are checked against the clock, and an empty machine may have any: the bootstrapper's will do.
# Where its certificates do not hold its own clock is off, and the machine's may be right.
is_possible() { # is_possible DATE
  local dates right first last
  dates=$(openssl x509 -in "$work/ca.pem" -noout -dates 2>/dev/null) || return 0
  right=$(date --date "$1" +%s) || return 0
  first=$(date --date "$(sed -n 's/^notBefore=//p' <<<"$dates")" +%s) || return 0
  last=$(date --date "$(sed -n 's/^notAfter=//p' <<<"$dates")" +%s) || return 0
  [ "$right" -ge "$first" ] && [ "$right" -le "$last" ]
}
set_clock() {
  local date
  date=$(curl --silent --head --connect-timeout 10 --max-time 10 --retry 20 --retry-connrefused \
    --retry-delay 3 "http://$bootstrapper/healthz" | tr -d '\r' | sed -n 's/^[Dd]ate: //p') || date=''
  [ -n "$date" ] || return 0
  is_possible "$date" || { say "the clock was left as it was: the bootstrapper's, $date, is off" && return 0; }
  date --utc --set "$date" >/dev/null || { say "the clock could not be set" && return 0; }
  # The installed system begins with what the hardware clock says.
  hwclock --systohc --utc || say "the hardware clock could not be written"
}

# Part of install.sh: which disk is taken, and what is done to it. No other is written to.

is_whole_disk() { [ -b "$1" ] && [ "$(lsblk --nodeps --noheadings --output TYPE "$1" 2>/dev/null | head -n 1)" = disk ]; }

# The OS in memory mounts the OEM partition of an older install by itself; what is mounted elsewhere is in use.
is_in_use() { lsblk --noheadings --output MOUNTPOINT "$1" | grep -v -x -e '/oem' -e '/usr/share/oem' | grep -q .; }

# Text as JSON and the server take it, without what a drive's firmware may put there.
plain_text() { tr -c '[:alnum:] .,:;/_()+=-' ' ' | tr -s ' ' | sed 's/^ //; s/ $//' | cut -c 1-120; }

# The path below /dev/disk/by-id/ with model and serial in it, where there is one; else any of the disk.
id_of() {
  local link found=''
  for link in /dev/disk/by-id/*; do
    [ "$(readlink -f "$link")" = "$1" ] || continue
    case $link in
      */wwn-* | */nvme-eui.* | */nvme-nvme.* | */lvm-* | */md-* | */dm-*) found=${found:-$link} ;;
      *) found=$link && break ;;
    esac
  done
  printf '%s' "$found"
}

# All that stands on a disk: types of file systems and arrays, labels of partitions.
contents_of() {
  lsblk --noheadings --list --output PTTYPE,FSTYPE,PARTLABEL "$1" | tr -s ' ' '\n' | awk 'NF && !seen[$0]++' | tr '\n' ' '
}

# The path of a disk that is the same at every boot, where it has one.
path_of() {
  local found
  found=$(id_of "$1" | plain_text)
  printf '%s' "${found:-$1}"
}

size_of() { lsblk --nodeps --noheadings --bytes --output SIZE "$1" | tr -d ' '; }

fits_rule() {
  local model
  if [ -n "$KBOOT_DISK_MODEL" ]; then
    model=$(lsblk --nodeps --noheadings --output MODEL "$1" | plain_text)
    # shellcheck disable=SC2254 # a pattern
    case $model in $KBOOT_DISK_MODEL) ;; *) return 1 ;; esac
  fi
  [ "$KBOOT_DISK_MIN_BYTES" = 0 ] || [ "$(size_of "$1")" -ge "$KBOOT_DISK_MIN_BYTES" ]
}

# Those of the OS's own labels that partitions of a disk have, a line each.
install_labels() {
  lsblk --noheadings --list --output PARTLABEL "$1" | sed 's/ *$//' | grep -x -e USR-A -e USR-B -e OEM -e ROOT
}

# An install of this machine was begun on this disk before. A name of the kernel's may be another disk's today, and `any`
# says that an earlier kboot did not tell the disk: the OS's partitions have to be there.
is_known() {
  local labels
  case $KBOOT_KNOWN_DISK in
    any) ;;
    "$(path_of "$1")") [[ $KBOOT_KNOWN_DISK != /dev/disk/by-id/* ]] || return 0 ;;
    *) return 1 ;;
  esac
  labels=$(install_labels "$1") || return 1
  [[ $labels == *USR-A* && $labels == *ROOT* ]]
}

# Of disks of one size the one that was installed before, else always the same, whatever the kernel calls it today.
smallest_of() {
  local name is_other
  for name in "$@"; do
    is_other=1
    if is_known "$name"; then is_other=0; fi
    printf '%s %s %s %s\n' "$(size_of "$name")" "$is_other" "$(path_of "$name")" "$name"
  done | sort -k 1,1n -k 2,3 | awk 'NR == 1 {print $NF}'
}

# The described disk; without one, the only writable disk that is neither removable nor in use, and fits the rule.
choose_disk() {
  local name type removable fixed candidates=() rule=''
  [ "$KBOOT_DISK_MODEL$KBOOT_DISK_MIN_BYTES" = 0 ] || rule=" that fits install_disk"
  if [ -n "$KBOOT_DISK" ]; then
    disk=$(readlink -f "$KBOOT_DISK") || fail "install_disk $KBOOT_DISK does not exist on this machine"
    [ -b "$disk" ] || fail "install_disk $KBOOT_DISK does not exist on this machine"
    is_whole_disk "$disk" || fail "install_disk $KBOOT_DISK is not a whole disk"
    return
  fi
  while read -r name type removable fixed; do
    [ "$type $removable $fixed" = "disk 0 0" ] || continue
    case $name in /dev/zram* | /dev/ram* | /dev/loop* | /dev/fd*) continue ;; esac
    if is_in_use "$name" || ! fits_rule "$name"; then continue; fi
    candidates+=("$name")
  done < <(lsblk --nodeps --noheadings --paths --output NAME,TYPE,RM,RO)
  [ "$KBOOT_DISK_SMALLEST" = no ] || mapfile -t candidates < <(smallest_of "${candidates[@]}")
  case ${#candidates[@]} in
    1) disk=${candidates[0]} ;;
    0) fail "no disk was found on this machine$rule" ;;
    *) fail "several disks, name one with install_disk: ${candidates[*]}" ;;
  esac
}

# A disk that the description names is installed over, whatever is on it, and so is one where an install of this machine
# was begun before. One that a rule chose, or nothing, may be somebody's data.
refuse_what_stands() {
  local signatures contents
  if [ -n "$KBOOT_DISK" ] || [ "$KBOOT_WIPE" = yes ] || is_known "$disk"; then return 0; fi
  signatures=$(wipefs --noheadings "$disk") || signatures=unreadable
  # Whatever writes to a disk without a file system mostly begins at its start.
  if [ -z "$signatures" ] && cmp --quiet --bytes=1048576 "$disk" /dev/zero; then return 0; fi
  contents=$(contents_of "$disk" | plain_text) || contents=''
  fail "$(path_of "$disk") is not empty (${contents:-data of no known kind}):" \
    "name it with install_disk or write wipe: true"
}

disks_json() {
  local name type size separator=''
  printf '['
  while read -r name type size; do
    [ "$type" = disk ] || continue
    case $name in /dev/zram* | /dev/ram* | /dev/loop* | /dev/fd*) continue ;; esac
    printf '%s{"name": "%s", "id": "%s", "size_bytes": %s' "$separator" "$name" "$(id_of "$name" | plain_text)" "$size"
    printf ', "model": "%s"' "$(lsblk --nodeps --noheadings --output MODEL "$name" | plain_text)"
    printf ', "serial": "%s"' "$(lsblk --nodeps --noheadings --output SERIAL "$name" | plain_text)"
    printf ', "holds": "%s"}' "$(contents_of "$name" | plain_text)"
    separator=', '
  done < <(lsblk --nodeps --noheadings --paths --bytes --output NAME,TYPE,SIZE)
  printf ']'
}

# The OS finds its partitions by labels, and takes those of an older install on another disk for its own.
refuse_older_installs() {
  local name type labels
  while read -r name type; do
    if [ "$type" != disk ] || [ "$name" = "$disk" ]; then continue; fi
    labels=$(install_labels "$name") || continue
    fail "$name holds an older install (${labels//$'\n'/ }), which the OS would mix with this one:" \
      "wipe it (wipefs --all) or take it out"
  done < <(lsblk --nodeps --noheadings --paths --output NAME,TYPE)
}

# Takes down what holds the disk: the kernel reads no new partitions while an array, a volume or swap of an older system is
# on it. An array that lies on other disks too is set read-only before it is stopped, so that none of those is written to.
# `--all`: an array that lacks members has no size, but holds its members.
release_disk() {
  local devices types number was_held parts=()
  was_held=$(holders)
  mapfile -t devices < <(lsblk --all --noheadings --list --paths --output NAME "$disk")
  mapfile -t types < <(lsblk --all --noheadings --list --output TYPE "$disk")
  [[ ${types[*]} != *mpath* ]] || fail "$disk is one of several paths to a disk (multipath): name another with install_disk"
  # A device comes after what it lies on: the last is taken down first.
  for ((number = ${#devices[@]} - 1; number >= 0; number--)); do
    release_device "${devices[number]}" "${types[number]// /}" >/dev/null 2>&1 || true
    case ${types[number]// /} in disk | part) parts+=("${devices[number]}") ;; esac
  done
  [ "$(holders)" = 0 ] || fail "$disk is held by what could not be stopped: ${devices[*]}"
  [ "$was_held" = 0 ] || forget_members "${parts[@]}"
}

holders() { lsblk --all --noheadings --list --output TYPE "$disk" | grep -c -v -w -e disk -e part || true; }

release_device() { # release_device DEVICE TYPE
  swapoff "$1"
  umount --all-targets "$1"
  case $2 in
    disk | part) ;;
    raid* | md | linear)
      mdadm --readonly "$1"
      mdadm --stop "$1"
      ;;
    *) dmsetup remove --retry "$1" ;;
  esac
}

# An array or volume group would come up again as soon as udev sees its members anew. Nothing is forgotten while one still
# runs: what it writes would be lost.
forget_members() { # forget_members DISK-OR-PARTITION...
  local device members=linux_raid_member,LVM2_member,ddf_raid_member,isw_raid_member
  for device in "$@"; do
    [ ! -b "$device" ] || wipefs --all --force --quiet --types "$members" "$device" || say "$device could not be wiped"
  done
}

sectors_written() { awk '{print $7}' "/sys/block/${disk##*/}/stat" 2>/dev/null; } # by the kernel, since it booted

# What was written in part, or refused for its signature, must not boot; a disk that was not touched keeps what it has.
leave_unbootable() {
  [ -n "$is_writing" ] || return 0
  [ -z "$sectors_before" ] || [ "$(sectors_written)" != "$sectors_before" ] || return 0
  wipefs --all --force --quiet "$disk" || say "$disk could not be wiped"
  # Boot code, the partition table and where file systems on a whole disk begin.
  dd if=/dev/zero of="$disk" bs=1M count=1 conv=notrunc,fsync status=none || say "$disk could not be overwritten"
  sync
}

# What the installer said last: its own words, not those of what cleans up after it.
last_words() {
  grep -v -e 'bytes were erased' -e 'calling ioctl' -e 'return code' -e '^[[:space:]]*$' "$work/installer.log" |
    tail -n 2 | tr '\n' ' '
}

# In a process group of its own, which is ended with it. Flatcar's, when it refuses an image, may leave a part of itself behind:
# the one that writes, or that waits for ever to say that it has written, with the output held open.
installer_pid=''
run_installer() { # run_installer ARGUMENT...
  local status=0 log_pid
  : >"$work/installer.log"
  exec 3> >(exec tee -a "$work/installer.log" "$log")
  log_pid=$!
  set -m
  "$installer" "$@" >&3 2>&1 3>&- </dev/null &
  installer_pid=$!
  set +m
  exec 3>&-
  wait "$installer_pid" || status=$?
  end_installer
  wait "$log_pid" || true
  return "$status"
}

# A signal may come before the installer's number is noted; of the other jobs none has a process group of its own.
end_installer() {
  local group tries
  for group in ${installer_pid:-$(jobs -p)}; do
    tries=60
    while [ "$tries" -gt 0 ] && kill -KILL -- "-$group" 2>/dev/null; do
      tries=$((tries - 1))
      sleep 1
    done
  done
  installer_pid=''
}

is_writing='' sectors_before=''
install_os() {
  local config_option=-i tries=5
  [ "$KBOOT_CONFIG" = ignition ] || config_option=-c
  local arguments=(-d "$disk" -V "$KBOOT_VERSION" -C "$KBOOT_CHANNEL" -B "$KBOOT_BOARD" -o ''
    -b "http://$bootstrapper/$KBOOT_CHANNEL" "$config_option" "$work/config")
  sectors_before=$(sectors_written) || sectors_before=''
  is_writing=yes
  until sectors_written >"$work/first" || true && run_installer "${arguments[@]}"; do
    leave_unbootable
    tries=$((tries - 1))
    [ "$tries" -gt 0 ] || is_writing=
    [ -n "$is_writing" ] || fail "$installer could not write $KBOOT_CHANNEL $KBOOT_VERSION to $disk: $(last_words)"
    say "$installer failed, trying again in 10 seconds"
    sleep 10
  done
  is_writing=''
}

# Kernel arguments and consoles of the installed OS: its GRUB reads this file on the OEM partition.
write_kernel_line() {
  local partition oem=$work/oem
  [ -n "$KBOOT_KERNEL_ARGS$KBOOT_CONSOLES" ] || return 0
  partition=$(lsblk --noheadings --list --paths --output NAME,PARTLABEL "$disk" | awk '$2 == "OEM" {print $1; exit}') ||
    partition=''
  mkdir -p "$oem"
  { [ -n "$partition" ] && mount "$partition" "$oem"; } || fail "no OEM partition on $disk takes the kernel arguments"
  {
    # shellcheck disable=SC2016 # GRUB expands it
    [ -z "$KBOOT_KERNEL_ARGS" ] || printf 'set linux_append="$linux_append %s"\n' "$KBOOT_KERNEL_ARGS"
    [ -z "$KBOOT_CONSOLES" ] || printf 'set linux_console="%s"\n' "$KBOOT_CONSOLES"
  } >>"$oem/grub.cfg" || fail "the kernel arguments could not be written to $partition"
  umount "$oem"
}

# Every disk with this image has the same GUIDs. The ESP gets one of its own, by which the loaders find this disk again.
boot_partition=''
mark_boot_partition() {
  local guid
  guid=$(cat /proc/sys/kernel/random/uuid)
  if sgdisk --partition-guid="1:$guid" "$disk" >/dev/null; then
    boot_partition=$guid
  else
    say "the boot partition could not be given a GUID: the machine boots from the first disk with this OS"
  fi
}

# Bytes that this try has written to the disk, every few seconds, and how many the whole image has.
follow_progress() {
  local first now total=${KBOOT_IMAGE_BYTES:+", \"total\": $KBOOT_IMAGE_BYTES"}
  sectors_written >/dev/null || return 0
  while sleep 3; do
    first=$(cat "$work/first" 2>/dev/null) || continue
    now=$(sectors_written) || return 0
    [ -n "$first" ] || continue
    report "{\"phase\": \"installing\", \"bytes\": $(((now - first) * 512))$total}" 1 || true
  done
}

say "installing $KBOOT_CHANNEL $KBOOT_VERSION on $KBOOT_MAC"
set_clock
report '{"phase": "installing", "detail": "install.sh runs"}' 60 || fail "the bootstrapper takes no report"
disks="\"phase\": \"installing\", \"disks\": $(disks_json)"
report "{$disks, \"cards\": $(cards_json)}" 3 || report "{$disks}" 3 || true
choose_disk
refuse_what_stands
refuse_older_installs
say "the disk is $disk"
report "{\"phase\": \"installing\", \"detail\": \"the disk is $disk\", \"install_disk\": \"$(path_of "$disk")\"}" 3 || true
if [ "$KBOOT_CONFIG" = ignition ]; then
  url="https://$bootstrapper/ignition/${KBOOT_MAC//:/-}.json"
else
  url="https://$bootstrapper/cloud-configs/${KBOOT_MAC//:/-}.yaml"
fi
fetch "$url" "$work/config" --config "$work/token" --cacert "$work/ca.pem" || fail "the node config was not given"
if [ "$KBOOT_CONFIG" = ignition ]; then
  grep -q '"version": "3\.' "$work/config" || fail "what was fetched is not an Ignition config"
else
  head -n 1 "$work/config" | grep -qx '#cloud-config' || fail "what was fetched is not a cloud-config"
fi
release_disk
follow_progress 9>&- &
progress_pid=$!
install_os
kill "$progress_pid" 2>/dev/null || true
progress_pid=''
write_kernel_line
mark_boot_partition
sync
# Without this report the machine would stay armed and install again at its next network boot.
marked=${boot_partition:+", \"boot_partition\": \"$boot_partition\""}
report "{\"phase\": \"installed\", \"version\": \"$KBOOT_VERSION\", \"detail\": \"on $disk\"$marked}" 120 ||
  fail "the bootstrapper does not take the report of the install"
# The restart may end this script before its last line: that is no failure.
trap '' HUP INT TERM
touch "$work/installed"
say "installed, rebooting"
systemctl reboot --no-wall || reboot -f

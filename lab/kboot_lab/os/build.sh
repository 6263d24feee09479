#!/bin/bash
# Builds the lab OS in a container that has the tools of tools.txt and no network, in two steps. /recipe is this folder, /keys a
# GnuPG home with the public key of update payloads beside it, filled if it is empty.
#   build.sh system                      takes /rootfs.tar (Debian with packages.txt), gives /out with what every release shares
#   build.sh release VERSION CHANNEL [HOW]  takes that as /system, gives /out with release-key.asc, <channel>/amd64-usr/<version>/,
#                                        foreign-esp.raw and usr.squashfs, which an update payload is made of. HOW is how a
#                                        broken release does not come up: it `panics` or `hangs`.
# Needs no loop device and no privilege beyond root's own.
# shellcheck disable=SC1091,SC2034 # the pieces lie beside this file, and what is unused here is used there
set -euo pipefail
step=$1 version=${2-} channel=${3-} broken=${4-}
recipe=/recipe
work=$(mktemp -d)
tree=$work/tree
system=/system
release=/out/$channel/amd64-usr/$version
export LC_ALL=C.UTF-8

say() { printf '%s\n' "$*"; }

. "$recipe/pieces/tree.sh"
. "$recipe/pieces/initrd.sh"
. "$recipe/pieces/usr.sh"
. "$recipe/pieces/loader.sh"
. "$recipe/pieces/disk.sh"
. "$recipe/pieces/foreign.sh"
. "$recipe/pieces/release.sh"

case $step in
  system)
    say "unpacking Debian"
    unpack_tree
    ensure_key
    trim_tree
    set_up_tree
    split_tree
    say "making the system"
    pack_system
    make_initrd
    make_foreign_disk
    ;;
  release)
    mkdir -p "$release"
    say "making /usr, the initrd for network boot and the disk"
    make_usr
    make_network_initrd
    make_disk
    say "packing and signing"
    write_release
    sign_release
    ;;
esac
chown -R "${KBOOT_OWNER:-0:0}" /out /keys

#!/bin/bash
# Builds one release of the lab OS: `build.sh VERSION CHANNEL`, in a container that has the tools of tools.txt and no network.
# Takes /recipe (this folder), /rootfs.tar (Debian with packages.txt) and /keys (a GnuPG home, filled if it is empty);
# gives /out with release-key.asc, <channel>/amd64-usr/<version>/ and foreign-esp.raw. Needs no loop device and no privilege beyond root's own.
# shellcheck disable=SC1091,SC2034 # the pieces lie beside this file, and what is unused here is used there
set -euo pipefail
version=$1 channel=$2
recipe=/recipe
work=$(mktemp -d)
tree=$work/tree
release=/out/$channel/amd64-usr/$version
export LC_ALL=C.UTF-8

say() { printf '%s\n' "$*"; }

. "$recipe/pieces/tree.sh"
. "$recipe/pieces/initrd.sh"
. "$recipe/pieces/disk.sh"
. "$recipe/pieces/foreign.sh"
. "$recipe/pieces/release.sh"

mkdir -p "$release"
say "unpacking Debian"
unpack_tree
ensure_key
trim_tree
set_up_tree
split_tree
say "making /usr, the initrds and the disk"
pack_usr
make_initrds
make_disk
make_foreign_disk
say "packing and signing"
write_release
sign_release
chown -R "${KBOOT_OWNER:-0:0}" /out /keys

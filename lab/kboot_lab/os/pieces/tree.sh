# shellcheck shell=bash disable=SC2154 # sourced by build.sh, which sets these names
# Makes the tree of the OS: Debian without what the lab does not need, with our own files, split into /usr and the rest.

unpack_tree() {
  mkdir "$tree"
  tar -xf /rootfs.tar -C "$tree" --exclude='./dev/*' --exclude='./boot/initrd*'
  kernel_version=$(basename "$tree"/usr/lib/modules/*)
  cp "$tree/boot/vmlinuz-$kernel_version" "$work/vmlinuz"
}

trim_tree() {
  local pattern
  chroot "$tree" groupadd --system --gid 500 core
  chroot "$tree" useradd --key UID_MIN=500 --uid 500 --gid core --groups sudo --create-home --shell /bin/bash --password '*' core
  while read -r pattern; do
    # shellcheck disable=SC2086 # the patterns are to be expanded
    rm -rf "${tree:?}"/$pattern
  done < <(grep -v '^#' "$recipe/trim.txt")
  depmod --basedir "$tree" "$kernel_version"
}

set_up_tree() {
  local etc=$tree/etc
  cp -a --no-preserve=ownership "$recipe/root/." "$tree/"
  cp "$(command -v busybox)" "$tree/usr/lib/kboot-lab/busybox"
  # Presets alone decide at the first boot which units are enabled.
  find "$etc/systemd/system" -mindepth 1 -delete
  sed -i 's/ modprobe@drm.service//' "$tree/usr/lib/systemd/system/systemd-logind.service" # a lab machine has no screen
  ln -s ../run/systemd/resolve/stub-resolv.conf "$etc/resolv.conf"
  ln -s ../usr/share/zoneinfo/UTC "$etc/localtime"
  : >"$etc/fstab"
  : >"$etc/motd"
  install -d -m 0700 -o 500 -g 500 "$tree/home/core/.ssh"
  install -d "$tree/usr/share/flatcar" "$tree/usr/share/kboot-lab" "$tree/oem"
  gpg --homedir /keys --batch --quiet --armor --export >"$tree/usr/share/kboot-lab/release-key.asc"
  install -D -m 0644 /keys/update-payload-key.pub.pem "$tree/usr/share/update_engine/update-payload-key.pub.pem"
  cp -a --no-preserve=ownership "$recipe/update_engine" "$tree/usr/lib/kboot-lab/"
  rm -rf "$tree/usr/lib/kboot-lab/update_engine/__pycache__"
  # What tells one release from another is put behind the system (usr.sh).
  ln -s ../../release/update.conf "$tree/usr/share/flatcar/update.conf"
  ln -s ../../release/release "$tree/usr/share/flatcar/release"
  ln -sf ../release/os-release "$tree/usr/lib/os-release"
  rm -f "$etc/os-release"
  ln -s ../usr/lib/os-release "$etc/os-release"
}

# Root is a tmpfs or a partition, and /usr is the same for both: the rest of the tree is kept below /usr to be copied.
split_tree() {
  local path skeleton=$tree/usr/share/kboot-lab/root
  mkdir -p "$skeleton"
  for path in "$tree"/*; do
    [ "$path" = "$tree/usr" ] || mv "$path" "$skeleton/"
  done
  mkdir -p "$skeleton"/{boot,dev,home,mnt,oem,opt/bin,proc,run,srv,sys,tmp,var/log,var/tmp,var/cache}
  chmod 1777 "$skeleton"/{tmp,var/tmp}
}

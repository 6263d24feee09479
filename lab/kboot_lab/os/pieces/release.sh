# shellcheck shell=bash disable=SC2154 # sourced by build.sh, which sets these names
# Writes the files of a release as Flatcar's servers have them, each with a detached signature.

ensure_key() {
  export GNUPGHOME=/keys
  chmod 0700 /keys
  if ! gpg --batch --quiet --list-secret-keys 2>/dev/null | grep -q .; then
    say "making a key that signs releases"
    gpg --batch --quiet --pinentry-mode loopback --passphrase '' --quick-generate-key 'kboot lab OS' rsa3072 sign never
  fi
}

write_release() {
  local build branch patch
  IFS=. read -r build branch patch <<<"$version"
  cat >"$release/version.txt" <<TEXT
FLATCAR_BUILD=$build
FLATCAR_BRANCH=$branch
FLATCAR_PATCH=$patch
FLATCAR_VERSION=$version
FLATCAR_VERSION_ID=$version
FLATCAR_BUILD_ID="$(date --utc +%F-%H%M)"
FLATCAR_SDK_VERSION=$build.0.0
TEXT
  gpg --homedir /keys --batch --quiet --armor --export >/out/release-key.asc
  cp "$system/foreign-esp.raw" /out/
  cp "$system/vmlinuz" "$release/flatcar_production_pxe.vmlinuz"
  cp "$work/pxe-initrd" "$release/flatcar_production_pxe_image.cpio.gz"
  # Most of the disk is compressed already: small blocks unpack fastest and cost next to nothing in size.
  lbzip2 -1 <"$work/disk.img" >"$release/flatcar_production_image.bin.bz2"
  ln -sfn "$version" "$(dirname "$release")/current"
}

sign_release() {
  local file
  export GNUPGHOME=/keys
  for file in "$release"/*; do
    gpg --batch --quiet --yes --pinentry-mode loopback --digest-algo SHA512 --detach-sign --output "$file.sig" "$file"
  done
  gpgconf --kill all
}

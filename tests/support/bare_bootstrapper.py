"""A bootstrapper that has Python and a Docker engine with an empty store, and nothing else: no checkout, home or cache.

It is this machine seen from a network, mounts and processes of its own, in which every program stands at its usual
place and every change is gone with it. It hangs on a rack's network, whose router leads nowhere.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from kboot.host.waiting import looks
from support.namespace import Namespace, cabled, ip
from support.places import ROOT

BRIDGE = "rack0"
NAMESERVER = "192.0.2.53"  # outside, where a site's resolv.conf may point; RFC 5737 gives that net to nobody
_CABLE = "uplink"
_CHANGED = ("etc", "opt", "usr/local", "var/lib")
_START_S = 60
_END_S = 60
_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
_ENGINE = ("dockerd", "--bridge=none", "--iptables=false", "--ip6tables=false", "--ip-forward=false")
_HELD = (
    ("ps", "--all", "--format", "{{.Names}}"),
    ("images", "--all", "--format", "{{.Repository}}:{{.Tag}}"),
    ("volume", "ls", "--quiet"),
    ("network", "ls", "--quiet", "--filter", "type=custom"),
)
# The program stays until it is removed as it was installed; Compose stays with the engine.
_FILES = """
find . /etc /usr/local /var/lib /run -path /var/lib/docker -prune -o -name '*kboot*' ! -path /usr/local/bin/kboot -print
"""
_MOUNTS = """
set -e
trap '' CHLD  # orphans have this for their parent, and are not waited for
scratch=$1 home=$2 checkout=$3 nameserver=$4
for tree in $5; do
  mkdir -p "$scratch/changed/$tree" "$scratch/merging/$tree"
  mount -t overlay overlay "/$tree" \
    -o "lowerdir=/$tree,upperdir=$scratch/changed/$tree,workdir=$scratch/merging/$tree"
done
rm -rf /etc/docker /etc/kboot /etc/resolv.conf /opt/* /usr/local/bin/kboot /usr/local/lib/docker /var/lib/kboot
rm -f /etc/systemd/system/kboot-*
echo "nameserver $nameserver" >/etc/resolv.conf
mkdir -p /var/lib/docker
mount --bind "$scratch/engine" /var/lib/docker
mount --bind "$scratch/media" /media
mount --rbind /sys/fs/cgroup "$scratch/cgroup"
mount -t sysfs sysfs /sys  # it shows the network of whoever mounts it
mount --rbind "$scratch/cgroup" /sys/fs/cgroup
mount -t tmpfs tmpfs /run
mount -t tmpfs -o mode=1777 tmpfs /tmp
for hidden in "$checkout" "$home"; do
  [ ! -d "$hidden" ] || mount -t tmpfs -o mode=0700 tmpfs "$hidden"
done
cd /
echo ready
exec cat
"""


class BareBootstrapper:
    """The machine, switched on. `/media` is a folder of ours, by which files are carried in."""

    def __init__(self, network: Namespace, router: Namespace, scratch: Path, holder: int) -> None:
        self.network, self.router = network, router
        self.media = scratch / "media"
        self._scratch = scratch
        spaces = (("net", "net"), ("mount", "mnt"), ("pid", "pid_for_children"))
        self._entry = ["nsenter", *(f"--{option}=/proc/{holder}/ns/{name}" for option, name in spaces)]

    def seen(self, path: str) -> Path:
        """Where we see what the machine wrote to an absolute path in one of the folders that it changes."""
        return self._scratch / "changed" / path.lstrip("/")

    def run(
        self, *command: str, timeout_s: float = 120, environment: Mapping[str, str] | None = None
    ) -> subprocess.CompletedProcess[str]:
        """Run a command as root in an empty home; whatever its exit status."""
        return subprocess.run(
            self._full(command, environment or {}), capture_output=True, text=True, timeout=timeout_s, cwd="/"
        )

    def said(self, *command: str, timeout_s: float = 120) -> str:
        """What a command prints; it has to succeed."""
        done = self.run(*command, timeout_s=timeout_s)
        assert done.returncode == 0, f"{' '.join(command)}: {done.returncode}\n{done.stdout}{done.stderr}"
        return done.stdout

    def left_of_kboot(self) -> list[str]:
        """All that the engine holds, and what bears kboot's name in the home and in folders, beside the program."""
        held = [self.said("docker", *words).split() for words in _HELD]
        files = self.said("sh", "-c", _FILES).split()
        return [name for names in (*held, files) for name in names]

    @contextmanager
    def engine(self) -> Iterator[None]:
        """The Docker engine of the machine, begun with an empty store."""
        with (self._scratch / "engine.log").open("wb") as log:
            process = subprocess.Popen(self._full(_ENGINE, {}), stdout=log, stderr=log, cwd="/")
        try:
            self._wait_for_engine(process)
            yield
        finally:
            self.run("sh", "-c", "docker ps --all --quiet | xargs --no-run-if-empty docker rm --force --volumes")
            self.run("sh", "-c", 'kill "$(cat /run/docker.pid)"')
            process.wait(_END_S)

    def _wait_for_engine(self, process: subprocess.Popen[bytes]) -> None:
        said = ""
        for _ in looks(_START_S, 0.5):
            done = self.run("docker", "info")
            said = done.stdout + done.stderr
            if done.returncode == 0:
                return
            assert process.poll() is None, (self._scratch / "engine.log").read_text()
        raise AssertionError(f"no engine after {_START_S} s: {said}\n{(self._scratch / 'engine.log').read_text()}")

    def _full(self, command: tuple[str, ...], environment: Mapping[str, str]) -> list[str]:
        words = [f"{name}={value}" for name, value in environment.items()]
        own = ["env", "--ignore-environment", f"PATH={_PATH}", f"HOME={_home()}", "LANG=C.UTF-8", *words]
        return [*self._entry, *own, "sh", "-c", 'cd && exec "$@"', "sh", *command]


@contextmanager
def bare_bootstrapper(scratch: Path, address: str, router: str) -> Iterator[BareBootstrapper]:
    """The machine with `address` (and its prefix) on the bridge `rack0`; `router` sees all that is for elsewhere.

    `scratch` takes what the machine writes, and is gone afterwards.
    """
    for name in ("cgroup", "engine", "media"):
        (scratch / name).mkdir(parents=True)
    prefix = address.partition("/")[2]
    with cabled({_CABLE: f"{router}/{prefix}"}, "rack") as (beyond, network):
        # Whoever tries to leave is told at once that there is no way.
        done = beyond.run("sh", "-c", "echo 1 >/proc/sys/net/ipv4/ip_forward")
        assert done.returncode == 0, done.stderr
        ip("-n", network.name, "link", "add", BRIDGE, "type", "bridge", "forward_delay", "0", "stp_state", "0")
        ip("-n", network.name, "link", "set", _CABLE, "master", BRIDGE)
        ip("-n", network.name, "address", "add", address, "dev", BRIDGE)
        ip("-n", network.name, "link", "set", BRIDGE, "up")
        ip("-n", network.name, "route", "add", "default", "via", router)
        with _held(network, scratch) as holder:
            yield BareBootstrapper(network, beyond, scratch, holder)
    shutil.rmtree(scratch)


@contextmanager
def _held(network: Namespace, scratch: Path) -> Iterator[int]:
    """Yield the number of a process that holds the machine's mounts and processes; with it all of them end."""
    command = ["nsenter", f"--net=/run/netns/{network.name}"]
    command += ["unshare", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc"]
    command += ["sh", "-c", _MOUNTS, "sh", str(scratch), _home(), str(ROOT), NAMESERVER, " ".join(_CHANGED)]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd="/")
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        assert process.stdout.readline() == b"ready\n", f"no mounts: {process.wait(_END_S)}"
        yield process.pid
    finally:
        process.stdin.close()
        process.stdout.close()
        process.wait(_END_S)


def _home() -> str:
    return os.environ.get("HOME", "/root")

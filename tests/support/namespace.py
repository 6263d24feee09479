"""A network of its own, out of reach for any other: a server's and a client's namespace with cables between them.

All interfaces are made inside the namespaces, so that nothing of a test ever shows on the host's network."""

from __future__ import annotations

import ctypes
import fcntl
import os
import shutil
import socket
import struct
import subprocess
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

_CLONE_NEWNET = 0x40000000
_TUNSETIFF = 0x400454CA
_TAP_WITHOUT_HEADER = 0x0002 | 0x1000  # IFF_TAP, IFF_NO_PI
_PASSED_ON = ("passwd", "group", "nsswitch.conf", "ld.so.cache")  # what programs look up in /etc

Made = TypeVar("Made")


def ip(*arguments: str) -> None:
    """Run ip(8); a failure shows what it said."""
    done = subprocess.run(["ip", *arguments], capture_output=True, text=True)
    assert done.returncode == 0, f"ip {' '.join(arguments)}: {done.stderr}"


class Namespace:
    """A network namespace. Programs started in it also see mounts of their own."""

    def __init__(self, name: str) -> None:
        self.name = name

    def socket(self, family: int, kind: int, protocol: int = 0) -> socket.socket:
        """A socket of this namespace for the caller, who stays where it is."""
        return self._made(lambda: socket.socket(family, kind, protocol))

    def tap(self, name: str) -> int:
        """The file descriptor of a new tap of this namespace, whose frames wait until they are read."""

        def make() -> int:
            tap = os.open("/dev/net/tun", os.O_RDWR)
            fcntl.ioctl(tap, _TUNSETIFF, struct.pack("16sH22x", name.encode(), _TAP_WITHOUT_HEADER))
            return tap

        return self._made(make)

    def _made(self, make: Callable[[], Made]) -> Made:
        made: list[Made] = []

        def enter() -> None:
            handle = os.open(f"/run/netns/{self.name}", os.O_RDONLY)
            try:
                if ctypes.CDLL(None, use_errno=True).setns(handle, _CLONE_NEWNET) == 0:  # this thread alone
                    made.append(make())
            finally:
                os.close(handle)

        thread = threading.Thread(target=enter)
        thread.start()
        thread.join()
        assert made, f"no entry to the namespace {self.name}"
        return made[0]

    def run(
        self, *command: str, mounts: Mapping[str, Path] | None = None, environment: Mapping[str, str] | None = None
    ) -> subprocess.CompletedProcess[str]:
        """Run a command in this namespace."""
        full = self._entered(command, mounts or {})
        env = {**os.environ, **(environment or {})}
        return subprocess.run(full, capture_output=True, text=True, timeout=30, env=env)

    @contextmanager
    def daemon(
        self, command: Sequence[str], mounts: Mapping[str, Path], log: Path
    ) -> Iterator[subprocess.Popen[bytes]]:
        """`command` with each folder of `mounts` in place of the host's; ended at the end, whatever happens."""
        full = self._entered(command, mounts)
        with log.open("wb") as out:
            process = subprocess.Popen(full, stdout=out, stderr=out)
        try:
            yield process
        finally:
            process.terminate()
            try:
                process.wait(5)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()

    def _entered(self, command: Sequence[str], mounts: Mapping[str, Path]) -> list[str]:
        binds = "".join(f'mount --bind "{source}" {target} && ' for target, source in mounts.items())
        return ["ip", "netns", "exec", self.name, "sh", "-c", f'{binds}exec "$@"', "sh", *command]


@contextmanager
def cabled(cables: dict[str, str], tag: str) -> Iterator[tuple[Namespace, Namespace]]:
    """A server and a client, with a cable a name; the value is the server's address at it, with its prefix."""
    names = [f"kboot-t-{tag}-{side}-{os.getpid()}" for side in ("server", "client")]
    try:
        for name in names:
            ip("netns", "add", name)
            ip("-n", name, "link", "set", "lo", "up")
        for cable, address in cables.items():
            ip("-n", names[0], "link", "add", cable, "type", "veth", "peer", "name", cable, "netns", names[1])
            ip("-n", names[0], "addr", "add", address, "dev", cable)
            for name in names:
                ip("-n", name, "link", "set", cable, "up")
        yield Namespace(names[0]), Namespace(names[1])
    finally:
        for name in names:
            subprocess.run(["ip", "netns", "delete", name], capture_output=True)


def etc_folder(folder: Path) -> Path:
    """A folder that can stand in for /etc."""
    folder.mkdir(parents=True)
    for name in _PASSED_ON:
        if Path("/etc", name).exists():
            shutil.copy(Path("/etc", name), folder / name)
    return folder

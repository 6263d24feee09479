"""The interfaces of this machine, their addresses, and which of its ports are taken."""

from __future__ import annotations

import json
import socket
import subprocess
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from ipaddress import IPv4Address
from pathlib import Path

from kboot_compose.services import Port

from ..errors import KbootError

_LISTENING = {"tcp": "0A", "udp": "07"}  # states in proc(5) /proc/net/{tcp,udp}


@dataclass(frozen=True, slots=True)
class Interface:
    """A network interface and its IPv4 addresses."""

    name: str
    addresses: tuple[IPv4Address, ...]

    def __str__(self) -> str:
        return f"{self.name} ({', '.join(map(str, self.addresses)) or 'no address'})"


@dataclass(frozen=True, slots=True)
class Listener:
    """A program that listens on a port: its address, and its name where that can be read."""

    port: Port
    address: IPv4Address
    program: str | None

    def __str__(self) -> str:
        return f"port {self.port} is taken by {self.program or 'an unknown program'} on {self.address}"


def interfaces() -> list[Interface]:
    """Return every interface of this machine, in the kernel's order."""
    try:
        answer = subprocess.run(["ip", "-json", "-4", "address"], capture_output=True, check=True)
    except (OSError, subprocess.CalledProcessError) as error:
        raise KbootError("`ip -json address` failed", "install the package iproute2") from error
    found = []
    for link in json.loads(answer.stdout or b"[]"):
        if not link:
            continue
        addresses = tuple(IPv4Address(entry["local"]) for entry in link.get("addr_info", ()) if "local" in entry)
        found.append(Interface(link["ifname"], addresses))
    return found


def holder_of(address: IPv4Address, among: Iterable[Interface]) -> Interface | None:
    """Return the interface that has `address`, None where none has it."""
    return next((interface for interface in among if address in interface.addresses), None)


def listeners(
    ports: Iterable[Port], address: IPv4Address, proc: Path = Path("/proc"), *, everywhere: Collection[Port] = ()
) -> list[Listener]:
    """Return who listens on one of `ports` in the way of a socket bound to `address`: on that, or on all addresses.

    One of the ports `everywhere` is to be bound to all addresses, so a listener on any is in its way.
    """
    wanted = set(ports)
    found: list[tuple[Port, IPv4Address, str]] = []
    for protocol, state in _LISTENING.items():
        for version in ("", "6"):
            for local, inode in _sockets(proc / "net" / f"{protocol}{version}", state):
                port = Port(protocol, local[1])
                if port in wanted and (port in everywhere or local[0] in (address, IPv4Address(0))):
                    found.append((port, local[0], inode))
    programs = _programs({inode for _, _, inode in found}, proc)
    unique = {(port, where): Listener(port, where, programs.get(inode)) for port, where, inode in found}
    return sorted(unique.values(), key=lambda listener: (listener.port.number, listener.port.protocol))


def _sockets(table: Path, state: str) -> list[tuple[tuple[IPv4Address, int], str]]:
    try:
        lines = table.read_text().splitlines()[1:]
    except OSError:
        return []
    found = []
    for line in lines:
        fields = line.split()
        if fields[3] == state:
            found.append((_local(fields[1]), fields[9]))
    return found


def _local(text: str) -> tuple[IPv4Address, int]:
    """Return the address and port of a line of /proc/net; a wildcard of IPv6 takes the IPv4 port too."""
    address, _, port = text.partition(":")
    raw = b"".join(socket.htonl(int(address[i : i + 8], 16)).to_bytes(4, "big") for i in range(0, len(address), 8))
    if len(raw) == 16:
        mapped = raw[:12] == b"\0" * 10 + b"\xff\xff"
        raw = raw[12:] if mapped else (b"\0" * 4 if not any(raw) else b"\xff" * 4)
    return IPv4Address(raw), int(port, 16)


def _programs(inodes: set[str], proc: Path) -> dict[str, str]:
    """Return inode -> "name (pid N)" for the sockets of processes that this user may look into."""
    found: dict[str, str] = {}
    if not inodes:
        return found
    for process in proc.glob("[0-9]*"):
        try:
            for descriptor in (process / "fd").iterdir():
                target = descriptor.readlink().name
                inode = target.removeprefix("socket:[").removesuffix("]")
                if inode in inodes:
                    found[inode] = f"{(process / 'comm').read_text().strip()} (pid {process.name})"
        except OSError:
            continue
    return found

"""What `kboot init` can find out by itself: this machine's network, and the ssh keys of who calls it."""

from __future__ import annotations

import json
import os
import pwd
import subprocess
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Interface, IPv4Network
from pathlib import Path
from typing import Any

from kboot_clusterdesc.ssh_key import ssh_key

_OURS = ("lo", "docker", "br-", "veth", "virbr", "kboot")  # beginnings of interfaces that are no rack's
_LONGEST_PREFIX = 29  # a smaller subnet has no room for a rack


@dataclass(frozen=True, slots=True)
class Place:
    """A network that this machine is in: its own address there, and the router where the kernel knows one."""

    interface: str
    address: IPv4Address
    subnet: IPv4Network
    router: IPv4Address | None = None

    def __str__(self) -> str:
        router = f", router {self.router}" if self.router else ""
        return f"{self.address} on {self.interface} in {self.subnet}{router}"


def places() -> list[Place]:
    """Return the networks that machines could be installed in; that of the default route is the last."""
    return places_in(_asked("address"), _asked("route", "show", "default"))


def places_in(links: list[dict[str, Any]], routes: list[dict[str, Any]]) -> list[Place]:
    """Return the networks in what `ip -json` says of addresses and default routes."""
    routers = {route["dev"]: IPv4Address(route["gateway"]) for route in routes if "gateway" in route}
    found = []
    for link in links:
        name = str(link.get("ifname", ""))
        for entry in [] if name.startswith(_OURS) else link.get("addr_info", ()):
            own = IPv4Interface(f"{entry['local']}/{entry['prefixlen']}")
            if entry.get("scope") == "global" and own.network.prefixlen <= _LONGEST_PREFIX:
                router = routers.get(name)
                is_near = router is not None and router in own.network
                found.append(Place(name, own.ip, own.network, router if is_near else None))
    return sorted(found, key=lambda place: place.interface in routers)


def callers_keys() -> list[str]:
    """Return the public ssh keys of who called, also by sudo, as far as a description may have them."""
    name = os.environ.get("SUDO_USER")
    try:
        home = Path(pwd.getpwnam(name).pw_dir) if name else Path.home()
        texts = [path.read_text().strip() for path in sorted((home / ".ssh").glob("id_*.pub"))]
    except (OSError, KeyError, UnicodeDecodeError):
        return []
    return [text for text in texts if text.isprintable() and _is_ssh_key(text)]


def _is_ssh_key(text: str) -> bool:
    try:
        return ssh_key(text) == text
    except ValueError:  # a certificate beside its key, or one of a type that sshd gave up
        return False


def _asked(*words: str) -> list[dict[str, Any]]:
    try:
        answer = subprocess.run(["ip", "-json", "-4", *words], capture_output=True, check=True)
        found: list[dict[str, Any]] = json.loads(answer.stdout or b"[]")
    except (OSError, subprocess.CalledProcessError, ValueError):
        return []
    return [each for each in found if each]

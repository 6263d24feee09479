"""The real systemd-networkd of a machine, in a namespace, where it finds what udev would have said of each card.

What that says makes a difference: where systemd-networkd 252 waits for nobody (`/sys` cannot be written) it keeps an
address over a restart that it removes on a machine.
"""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from kboot.host.waiting import looks
from kboot.render import Attachments
from kboot.render.nodes import node_config
from kboot_clusterdesc import ClusterDesc, Node
from support.fixed_secrets import fixed_secrets
from support.namespace import Namespace, etc_folder

_NETWORKD = "/lib/systemd/systemd-networkd"
_CARDS = 64  # more than a test has
_FOLDERS = ("/etc/systemd/network/", "/etc/systemd/networkd.conf.d/")


def files_of(desc: ClusterDesc, node: Node) -> dict[str, str]:
    """What systemd-networkd of a node reads: path -> text, as its node config has it."""
    files = node_config(desc, node, fixed_secrets(desc), Attachments()).files
    return {file.path: file.content.decode() for file in files if file.path.startswith(_FOLDERS)}


def on_veth(text: str) -> str:
    """A file as a test's card needs it: a veth, which has a kind and no permanent MAC; on a machine it is a pod's."""
    return re.sub(r"^PermanentMACAddress=", "MACAddress=", text.replace("Kind=!*\n", ""), flags=re.MULTILINE)


class Networkd:
    """systemd-networkd of a machine whose cards are the veths of a namespace."""

    def __init__(self, machine: Namespace, folder: Path) -> None:
        self.machine, self.log = machine, folder / "networkd.log"
        self._etc, self._run = etc_folder(folder / "machine-etc"), folder / "machine-run"
        (self._etc / "machine-id").write_text("0123456789abcdef0123456789abcdef\n")
        (self._run / "systemd/netif").mkdir(parents=True)
        self._told = self._run / "systemd/netif/links"
        for path in (self._run / "systemd", self._run / "systemd/netif"):
            shutil.chown(path, "systemd-network", "systemd-network")
        (self._run / "udev/data").mkdir(parents=True)
        for index in range(1, _CARDS + 1):  # the database of udev: a file a card, by its number
            (self._run / f"udev/data/n{index}").write_text("I:1\n")

    @contextmanager
    def started(self, files: dict[str, str]) -> Iterator[None]:
        """It runs with these files; at its end, what it set stays, and what it told is forgotten at its next start."""
        shutil.rmtree(self._etc / "systemd", ignore_errors=True)
        shutil.rmtree(self._told, ignore_errors=True)
        for path, text in files.items():
            place = self._etc / path.removeprefix("/etc/")
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_text(on_veth(text))
        with self.machine.daemon([_NETWORKD], {"/etc": self._etc, "/run": self._run}, self.log):
            yield

    def ip_json(self, *arguments: str) -> list[dict[str, Any]]:
        """What ip(8) of the machine shows."""
        shown = self.machine.run("ip", "-json", "-details", *arguments)
        assert shown.returncode == 0, shown.stderr
        found: list[dict[str, Any]] = json.loads(shown.stdout or "[]")
        return found

    def addresses(self, card: str) -> list[str]:
        """The IPv4 addresses of a card, with their prefix."""
        shown = self.ip_json("-4", "address", "show", "dev", card)
        return [f"{info['local']}/{info['prefixlen']}" for link in shown for info in link["addr_info"]]

    @property
    def told(self) -> set[str]:
        """The lines that it tells of its cards, to resolved and timesyncd among others."""
        return {line for link in self._told.iterdir() for line in link.read_text().splitlines()}

    def until_set_up(self, card: str, state: str = "configured") -> None:
        """Wait until it says that a card is `configured`, or `configuring` where an answer is yet to come."""
        (link,) = self.ip_json("link", "show", "dev", card)
        told = self._told / str(link["ifindex"])
        for _ in looks(30, 0.2):
            if told.exists() and f"ADMIN_STATE={state}" in told.read_text().splitlines():
                return
        raise AssertionError(f"{card} is not {state}: {self.log.read_text()}")

    @contextmanager
    def changes(self, folder: Path) -> Iterator[Path]:
        """A file that ip(8) writes each change of an IPv4 address or route to, as long as this lasts."""
        seen = folder / "changes.log"
        with self.machine.daemon(["ip", "-4", "monitor", "address", "route"], {}, seen):
            yield seen

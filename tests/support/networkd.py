"""The real systemd-networkd of a machine, in a namespace."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from kboot.render import Attachments
from kboot.render.nodes import node_config
from kboot_clusterdesc import ClusterDesc, Node
from support.fixed_secrets import fixed_secrets
from support.namespace import Namespace, etc_folder

_NETWORKD = "/lib/systemd/systemd-networkd"
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
        (self._run / "netif").mkdir(parents=True)
        for path in (self._run, self._run / "netif"):
            shutil.chown(path, "systemd-network", "systemd-network")

    @contextmanager
    def started(self, files: dict[str, str]) -> Iterator[None]:
        """It runs with these files; at its end, what it set stays."""
        shutil.rmtree(self._etc / "systemd", ignore_errors=True)
        for path, text in files.items():
            place = self._etc / path.removeprefix("/etc/")
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_text(on_veth(text))
        # without udev, which a namespace has not, it waits for nobody where /sys cannot be written
        command = ["sh", "-c", f"mount -o remount,ro,bind /sys && exec {_NETWORKD}"]
        with self.machine.daemon(command, {"/etc": self._etc, "/run/systemd": self._run}, self.log):
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
        links = (self._run / "netif" / "links").iterdir()
        return {line for link in links for line in link.read_text().splitlines()}

"""The hardware of a lab's machine, kind or unkind, and the options that name it on a command line or in a file."""

from __future__ import annotations

import argparse
import re
import shlex
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, NoReturn

from kboot.errors import BadInput
from kboot_clusterdesc import InvalidDescription, Mac
from kboot_clusterdesc.source import plain, read_tree

from .hardware_options import add_hardware_options

BUSES = ("virtio", "nvme", "ide", "sata")
CONTENTS = ("foreign-esp", "lvm", "md", "own-install", "swap")
_SIZE = re.compile(r"[1-9]\d{0,4}[MG]")
_MOST = {"forward_after": 600.0, "delay": 2000.0, "loss": 50.0}
_MOST_DEVICES = 8
_MOST_ON_IDE = 4


@dataclass(frozen=True, slots=True)
class Disk:
    """A disk, and what an earlier use left on it; nothing where `contents` is empty."""

    size: str
    bus: str = "virtio"
    contents: str = ""

    @classmethod
    def named(cls, text: str) -> Disk:
        """Return the disk that `SIZE[:BUS[:CONTENTS]]` names; raises BadInput."""
        size, _, rest = text.partition(":")
        bus, _, contents = rest.partition(":")
        if not _SIZE.fullmatch(size):
            raise BadInput(f"`{size}` is not the size of a disk", "write a number and M or G, such as `8G`")
        if rest and bus not in BUSES:
            raise BadInput(f"`{bus}` is not the bus of a disk", f"write one of {', '.join(BUSES)}")
        if contents and contents not in CONTENTS:
            raise BadInput(f"`{contents}` is nothing that a disk can hold", f"write one of {', '.join(CONTENTS)}")
        return cls(size, bus or "virtio", contents)


@dataclass(frozen=True, slots=True)
class Hardware:
    """What a machine is made of beside the card that it is known by.

    Cards come in this order: those without a cable, the one it is known by, the others on the same network.
    """

    firmware: str = "bios"
    disks: tuple[Disk, ...] = ()
    unplugged: tuple[Mac, ...] = ()
    cards: tuple[Mac, ...] = ()
    first_lease: Mac | None = None
    clock: str = ""
    forward_after_s: float = 0
    delay_ms: float = 0
    loss_percent: float = 0
    has_option_93: bool = True
    is_as_shipped: bool = False
    is_off: bool = False

    def environment(self, mac: Mac) -> dict[str, str]:
        """Return what run.sh is told of this hardware, for the machine known by `mac`."""
        plugged = (mac, *self.cards)
        traits = [*(["ide"] if "ide" in {disk.bus for disk in self.disks} else [])]
        traits += ["as-shipped"] if self.is_as_shipped else []
        return {
            "KBOOT_VM_NICS": ",".join((*self.unplugged, *plugged)),
            "KBOOT_VM_UNPLUGGED": ",".join(self.unplugged),
            "KBOOT_VM_FIRMWARE": self.firmware,
            "KBOOT_VM_DISKS": ",".join(f"{disk.size}:{disk.bus}:{disk.contents}" for disk in self.disks),
            "KBOOT_VM_CLOCK": self.clock,
            "KBOOT_VM_PORT": " ".join(self._port(plugged)),
            "KBOOT_VM_TRAITS": "".join(f":{trait}" for trait in traits),
        }

    def _port(self, plugged: tuple[Mac, ...]) -> list[str]:
        """Return the options of port.py; none where the machine's ports are good ones."""
        values = {"--forward-after": self.forward_after_s, "--delay": self.delay_ms, "--loss": self.loss_percent}
        words = [f"{option}={value:g}" for option, value in values.items() if value]
        if self.first_lease is not None:
            words += [f"--late-lease={mac}" for mac in plugged if mac != self.first_lease]
        return words + ([] if self.has_option_93 else ["--without-option-93"])


def hardware_of(given: argparse.Namespace, mac: Mac) -> Hardware:
    """Return the hardware that parsed options name, for the machine known by `mac`; raises BadInput."""
    for name, most in _MOST.items():
        if not 0 <= getattr(given, name) <= most:
            raise BadInput(f"--{name.replace('_', '-')} is not a number from 0 to {most:g}", "leave it out for none")
    made = Hardware(
        firmware=given.firmware,
        disks=tuple(Disk.named(text) for text in given.disk),
        unplugged=tuple(mac_of("--unplugged", text) for text in given.unplugged),
        cards=tuple(mac_of("--card", text) for text in given.card),
        first_lease=mac_of("--first-lease", given.first_lease) if given.first_lease else None,
        clock=_clock(given.clock),
        forward_after_s=given.forward_after,
        delay_ms=given.delay,
        loss_percent=given.loss,
        has_option_93=not given.without_option_93,
        is_as_shipped=given.as_shipped,
        is_off=given.off,
    )
    _refuse_what_cannot_be_built(made, mac)
    return made


def _refuse_what_cannot_be_built(made: Hardware, mac: Mac) -> None:
    cards = (*made.unplugged, mac, *made.cards)
    if len(set(cards)) < len(cards):
        raise BadInput(f"two cards of {mac} have one MAC", "give each card a MAC of its own")
    if made.first_lease not in (None, mac, *made.cards):
        raise BadInput(f"--first-lease: {made.first_lease} is no card with a cable", "add it with `--card`")
    if max(len(cards), len(made.disks)) > _MOST_DEVICES:
        raise BadInput("a machine has at most 8 cards and 8 disks", "leave some out")
    if [disk.bus for disk in made.disks].count("ide") > _MOST_ON_IDE:
        raise BadInput("a machine has at most 4 disks on IDE", "put some on another bus")


def hardware_of_nodes(file: Path, nodes: dict[str, Mac]) -> dict[str, Hardware]:
    """Return the hardware that a file gives to nodes: a YAML map of a node's name to options.

    Raises BadInput, and InvalidDescription where the text is no YAML or names a node twice.
    """
    try:
        text = file.read_bytes()
    except OSError as error:
        raise BadInput(f"{file}: cannot be read: {error.strerror}", "write lines such as `node1: --loss 5`") from error
    if not text.strip():
        return {}
    tree, faults = read_tree(text, str(file))
    if faults:
        raise InvalidDescription(faults)
    read = plain(tree)
    if not isinstance(read, dict) or not all(isinstance(options, str) for options in read.values()):
        raise BadInput(f"{file}: is no map of nodes to options", "write lines such as `node1: --loss 5`")
    _refuse_unknown(file, read, nodes)
    return {name: _of_line(f"{file}: {name}", options, nodes[name]) for name, options in read.items()}


def _refuse_unknown(file: Path, names: Collection[Any], nodes: dict[str, Mac]) -> None:
    for name in names:
        if name not in nodes:
            raise BadInput(f"{file}: `{name}` is not a node of the description", f"there are: {', '.join(nodes)}")


def _of_line(place: str, options: str, mac: Mac) -> Hardware:
    parser = _Line(prog=place, add_help=False, allow_abbrev=False)
    add_hardware_options(parser)
    try:
        return hardware_of(parser.parse_args(shlex.split(options)), mac)
    except ValueError as error:  # a quote that does not end
        raise BadInput(f"{place}: {error}", "see `kboot lab add --help`") from error
    except BadInput as error:
        raise BadInput(f"{place}: {error.message}", error.hint) from error


class _Line(argparse.ArgumentParser):
    """A parser of options that stand in a file: its errors are ours."""

    def error(self, message: str) -> NoReturn:
        raise BadInput(message, "see `kboot lab add --help`")


def mac_of(option: str, text: str) -> Mac:
    """Return the MAC that an option was given; raises BadInput."""
    try:
        return Mac(text)
    except ValueError as error:
        raise BadInput(f"{option}: {error}", "write it as 52:54:00:0a:0e:09") from error


def _clock(text: str) -> str:
    if not text:
        return ""
    try:
        return datetime.fromisoformat(text).strftime("%Y-%m-%dT%H:%M:%S")
    except ValueError as error:
        raise BadInput(f"--clock: `{text}` is no time", "write it as 2015-01-01T00:00:00, in UTC") from error

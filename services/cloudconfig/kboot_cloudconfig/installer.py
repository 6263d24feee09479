"""Serves install.sh: the rendered script, with the lines that make it one machine's own."""

from __future__ import annotations

import secrets
import shlex
from collections.abc import Mapping
from ipaddress import IPv4Address

from fastapi import Request
from fastapi.responses import Response

from kboot_clusterdesc import Mac
from kboot_clusterdesc.shared_files import INSTALLER, MACHINE_MARK

from . import guard
from . import machine as life
from .answer import fresh
from .caller import QueryMac, ServedFleet, address_of, mac_of, mover_of
from .disk import disk_values
from .fleet import Fleet
from .guard import InstallerAsk, Refusal
from .machine import Machine
from .problem import ProblemError
from .releases import NO_RELEASE, image_bytes, is_whole
from .self_report import known_disk


async def install_sh(request: Request, fleet: ServedFleet, mac: QueryMac = None, boot: str | None = None) -> Response:
    """Answer with the script of the machine `mac`, or where none is named, of the one at the caller's address.

    Who shows the machine's boot value as `boot` is that machine.
    """
    machine = fleet.identity(mac_of(mac)) if mac is not None else fleet.machine_at(address_of(request))
    if machine is None:
        raise ProblemError(404, "no machine has this address: ask with ?mac=")
    address = mover_of(request)
    ask = InstallerAsk(address, boot, fleet.is_near(machine, address))
    return fresh(_install_script(fleet, machine, ask), "text/x-shellscript")


def assignments(values: Mapping[str, str]) -> str:
    """Return shell assignments, one a line, with every value quoted."""
    return "\n".join(f"{name}={shlex.quote(value)}" for name, value in values.items())


def _install_script(fleet: Fleet, mac: Mac, ask: InstallerAsk) -> str:
    """Return install.sh for `mac`: with an install token for the armed machine itself, without one for all others."""
    node, desc, machine = fleet.node(mac), fleet.desc(), fleet.machine(mac)
    release, in_force = machine.release if machine.armed else None, fleet.release_in_force()
    if release is None or (release != in_force and not is_whole(fleet.settings.images, desc, release)):
        release = in_force
    token = ""
    allowed = fleet.may_install(mac)
    own = fleet.addresses_of(node)
    refusal = guard.refusal_of_install(ask, machine, own, fleet.now())
    if allowed and refusal is None:
        machine = fleet.seen_at(machine, ask.address)
        if release is None:
            fleet.keep(machine, life.was_refused(machine, NO_RELEASE))
            raise ProblemError(503, NO_RELEASE)
        other = guard.shown_before(ask, machine, own, fleet.now())
        token = _fresh_token(fleet, machine, ask.address)
        if other is not None:
            _note_reader(fleet, fleet.machine(mac), other, ask.address)
    elif allowed and machine.armed and refusal is not None and ask.address is not None:
        _note_elsewhere(fleet, machine, refusal, fleet.own_in_words(node), ask.address)
    values = {
        "KBOOT_MAC": str(mac),
        "KBOOT_TOKEN": token,
        "KBOOT_ARMED": "yes" if token else "elsewhere" if allowed and machine.armed else "no",
        "KBOOT_CHANNEL": desc.os.channel,
        "KBOOT_VERSION": release or "",
        "KBOOT_BOARD": desc.os.board,
        "KBOOT_IMAGE_BYTES": str(image_bytes(fleet.settings.images, desc, release) or ""),
        **disk_values(desc, node, known_disk(machine)),
        "KBOOT_CONFIG": desc.os.config.value,
        "KBOOT_KERNEL_ARGS": " ".join(desc.os.args_of(node)),
        "KBOOT_CONSOLES": " ".join(f"console={each}" for each in desc.os.consoles_of(node) or ()),
        "KBOOT_BOOT": ask.boot if ask.boot and guard.is_boot_value(ask.boot) else "",
        "KBOOT_CARDS": " ".join(node.macs),
    }
    script = fleet.files.text(f"{fleet.settings.config}/{INSTALLER}")
    return script.replace(MACHINE_MARK, assignments(values), 1)


def _fresh_token(fleet: Fleet, machine: Machine, address: IPv4Address | None) -> str:
    fleet.hear(machine.mac)
    token = secrets.token_urlsafe(32)
    fleet.keep(machine, life.fetched_installer(machine, guard.sha256_of(token), fleet.now(), address), address)
    return token


def _note_reader(fleet: Fleet, machine: Machine, other: IPv4Address, own: IPv4Address | None) -> None:
    """Tell that `other` showed the machine's boot value before the machine did at its own address."""
    refusal = Refusal.REPLAYED_BOOT_VALUE
    fleet.refuse(machine.mac, other, str(refusal), "/install.sh")
    reason = f"its boot value was shown from {other} before {own} did: its other card, or who reads this network"
    fleet.keep(machine, life.was_refused(machine, reason))


def _note_elsewhere(fleet: Fleet, machine: Machine, refusal: Refusal, own: str, address: IPv4Address) -> None:
    """Keep as the machine's `reason`, once, why its install.sh was not given to `address`."""
    why = {
        Refusal.VOID_BOOT_VALUE: "with a boot value that is not good any more: boot it again",
        Refusal.REPLAYED_BOOT_VALUE: "with a boot value that another address showed before: boot it again",
    }.get(refusal, f"and {own}")
    reason = f"install.sh was asked for from {address}, {why}"
    if machine.reason == reason:
        return
    fleet.refuse(machine.mac, address, str(refusal), "/install.sh")
    is_known = refusal is Refusal.REPLAYED_BOOT_VALUE
    fleet.keep_reason(machine, life.asked_elsewhere(machine, reason, is_known=is_known), address)

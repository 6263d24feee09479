"""Boot scripts: a machine boots the install, its disk, or waits for the first release."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from functools import lru_cache
from ipaddress import IPv4Address

from fastapi import Request
from fastapi.responses import Response
from jinja2 import Environment, PackageLoader, StrictUndefined

from kboot_clusterdesc import ClusterDesc, Mac, Node, family_of

from . import guard
from . import machine as life
from .answer import fresh
from .caller import PathMac, ServedFleet, address_of, mover_of
from .fleet import Fleet
from .machine import Machine
from .releases import NO_RELEASE

# Scripts and configuration, not HTML: the status page escapes by itself.
_TEMPLATES = Environment(  # noqa: S701
    loader=PackageLoader("kboot_cloudconfig", "templates"),
    undefined=StrictUndefined,
    keep_trailing_newline=True,
    trim_blocks=True,
)

_ARGUMENTS_MARK = "\0"  # stands in a rendered script for the kernel's arguments, which hold the boot value


@dataclass(frozen=True, slots=True)
class Install:
    """What a boot installs: the OS release by number, and the boot value, which only the machine itself is given."""

    release: str
    boot: str | None = None


def kernel_arguments(desc: ClusterDesc, mac: Mac | None, declared: Node | None, boot: str | None = None) -> str:
    """Return the kernel arguments of an install. UEFI kernels want the initrd named by `initrd=`; BIOS ignores it.

    Ignition gets install.sh started; an OS whose Ignition knows none of these has coreos-cloudinit for it.
    """
    names, base, query = family_of(desc.os.family), f"http://{desc.network.bootstrapper}", guard.query_of(mac, boot)
    return (
        f"initrd={names.initrd} {names.ignition_arguments(f'{base}/pxe.ign{query}')} "
        f"cloud-config-url={base}/install.sh{query} {names.autologin} {desc.os.boot_arguments_of(declared)}"
    )


async def first_script(fleet: ServedFleet) -> Response:
    """Answer with the script that every machine gets first; it makes the machine ask again with its boot card's MAC."""
    return fresh(_TEMPLATES.get_template("boot.ipxe.j2").render(bootstrapper=fleet.desc().network.bootstrapper))


async def boot_script(request: Request, fleet: ServedFleet, mac: PathMac) -> Response:
    """Answer with the iPXE script of one node; an undeclared machine that asks for its own may join by asking."""
    mover = mover_of(request)
    fleet.let_join(mac, mover, request.scope["path"])
    if mover in fleet.addresses_of(fleet.node(mac)):
        fleet.hear(mac)
    install = install_of(fleet, mac, mover)
    waits = fleet.machine(mac).armed and fleet.may_install(mac)
    name = "install.ipxe.j2" if install else "wait.ipxe.j2" if waits else "disk.ipxe.j2"
    return fresh(_render(fleet, name, mac, install))


async def pxelinux_config(request: Request, fleet: ServedFleet) -> Response:
    """Answer with the pxelinux configuration for a caller: the install for an armed node, the disk for all others."""
    mac, mover = fleet.machine_at(address_of(request)), mover_of(request)
    if mac is not None:
        fleet.let_join(mac, mover, request.scope["path"])
    install = install_of(fleet, mac, mover) if mac is not None and fleet.has_node(mac) else None
    return fresh(_render(fleet, "pxelinux.j2", mac, install))


def install_of(fleet: Fleet, mac: Mac, address: IPv4Address | None) -> Install | None:
    """Return what this boot installs, or None.

    Only a request from the machine's own address changes its state, and is given a boot value."""
    machine = fleet.machine(mac)
    release = fleet.release_in_force()
    if not machine.armed or not fleet.may_install(mac):
        return None
    node = fleet.node(mac)
    is_own = address in fleet.addresses_of(node)
    if is_own:
        machine = fleet.seen_at(machine, address)
    if release is None:
        fleet.keep(machine, life.was_refused(machine, NO_RELEASE) if is_own else machine)
        return None
    if not is_own:
        _note_elsewhere(fleet, node, machine, address)
        return Install(release)
    return Install(release, _boot_value(fleet, machine, release, address))


def _boot_value(fleet: Fleet, machine: Machine, release: str, address: IPv4Address | None) -> str:
    """Return a new boot value; who asks again within seconds, as iPXE does, has the same again, without a write."""
    known = fleet.boot_values.get(machine.mac)
    if known is not None and life.has_boot_value(machine, release, guard.sha256_of(known), fleet.now()):
        return known
    boot = fleet.boot_values[machine.mac] = secrets.token_urlsafe(24)
    after = life.fetched_boot_script(machine, release, guard.sha256_of(boot), fleet.now())
    fleet.keep(machine, after, address, release=release)
    return boot


def _note_elsewhere(fleet: Fleet, node: Node, machine: Machine, address: IPv4Address | None) -> None:
    """Keep as the machine's `reason` why its boot script has no boot value: a second DHCP server, for one."""
    reason = f"its boot script was asked for from {address}, and {fleet.own_in_words(node)}"
    if fleet.is_near(node.mac, address):
        fleet.keep_reason(machine, life.asked_elsewhere(machine, reason), address)


def _render(fleet: Fleet, name: str, mac: Mac | None, install: Install | None) -> str:
    desc = fleet.desc()
    names = family_of(desc.os.family)
    declared = fleet.index().by_mac.get(mac) if mac else None
    script = _rendered(
        name,
        bootstrapper=desc.network.bootstrapper,
        mac=mac.dashed if mac else "",
        channel=desc.os.channel,
        release=install.release if install else None,
        kernel=names.kernel,
        initrd=names.initrd,
        arguments=_ARGUMENTS_MARK,
        boot_partition=fleet.machine(mac).boot_partition if mac and fleet.has_node(mac) else None,
    )
    return script.replace(_ARGUMENTS_MARK, kernel_arguments(desc, mac, declared, install.boot if install else None))


@lru_cache(maxsize=4096)
def _rendered(name: str, **values: IPv4Address | str | None) -> str:
    """Return a script, rendered once; a machine that asks again has all but its kernel's arguments the same."""
    return _TEMPLATES.get_template(name).render(**values)

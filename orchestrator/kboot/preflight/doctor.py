"""Preflight: what this machine lacks before a cluster can run on it."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from python_on_whales import ClientNotFoundError, DockerClient
from python_on_whales.exceptions import DockerException

import kboot_clusterdesc
from kboot_clusterdesc import ClusterDesc, ClusterFolder, DhcpMode

from ..errors import KbootError
from ..host.engine import INSTALL_CLIENT, INSTALL_COMPOSE, Engine, ServiceState, connect
from ..host.own_command import own_command, own_environment
from ..host.stamp import read_stamp, refuse_newer
from ..host.state_folder import clusters
from ..host.systemd import enabled_unit, runs
from ..render.autostart import autostart_unit
from ..render.compose import HostNetwork
from ..running.rendered_project import network_in_force
from .dhcp_buffer import default_buffer_bytes, dhcp_advice
from .interface import interface_for
from .kubernetes_skew import in_force
from .newer_state import refuse_newer_state
from .ports import taken_ports, way_out

_WANTED_BYTES = 5 * 1024**3  # two OS releases and the service images


@dataclass(frozen=True, slots=True)
class Check:
    """The result of one check; `hint` is the repair where it is not `ok`."""

    name: str
    ok: bool
    found: str
    hint: str = ""


def checks(path: Path | None, root: Path) -> Iterator[Check]:
    """Yield a check of each thing that `kboot up` needs; with a description, of its address and ports too.

    Without a description the one in force is looked at, of the only cluster under `root`.
    """
    yield _user()
    yield _engine()
    yield _compose()
    yield _space(root)
    yield _secure_boot()
    if path is not None:
        yield from _of_cluster(ClusterFolder(root, kboot_clusterdesc.load(path).cluster.name), path)
    elif len(names := clusters(root)) == 1:
        folder = ClusterFolder(root, names[0])
        yield from _of_cluster(folder, folder.description)


def _of_cluster(folder: ClusterFolder, path: Path) -> Iterator[Check]:
    """Yield the checks that need a description, that of `path`; of a newer kboot's folder no other can be made."""
    stamped = _folder(folder)
    yield stamped
    if stamped.ok:
        desc = kboot_clusterdesc.load(path)
        if isinstance(network_in_force(folder), HostNetwork):
            yield _address(desc, path)
            yield _ports(desc, folder)
            yield from _dhcp(desc)
        else:
            said = f"{folder.cluster} is a lab: {desc.network.bootstrapper} and its ports are in a network of their own"
            yield Check("address", True, said)
        if folder.compose.is_file():
            yield _autostart(folder)


def _user() -> Check:
    uid = os.geteuid()
    return Check(
        "user",
        uid == 0,
        "root" if uid == 0 else f"uid {uid}",
        "run kboot as root: it gives files to services",
    )


def _engine() -> Check:
    try:
        version = connect().version()["Version"]
    except KbootError as error:
        return Check("engine", False, error.message, error.hint)
    return Check("engine", True, f"Docker {version}")


def _compose() -> Check:
    try:
        return Check("compose", True, DockerClient().compose.version().strip())
    except ClientNotFoundError:
        return Check("compose", False, "the command `docker` is not installed", INSTALL_CLIENT)
    except DockerException:
        as_root = "" if os.geteuid() == 0 else "run kboot as root, who may have it as a plugin of his own; else "
        return Check("compose", False, "`docker compose` does not run", as_root + INSTALL_COMPOSE)


def _space(root: Path) -> Check:
    here = root
    while not here.exists():
        here = here.parent
    free = shutil.disk_usage(here).free
    return Check(
        "space",
        free >= _WANTED_BYTES,
        f"{free / 1024**3:.1f} GiB free in {here}",
        "5 GiB are wanted; see `--root`",
    )


def _secure_boot() -> Check:
    """Return what nobody here can look at: machines that have it on refuse each loader before kboot hears of them."""
    return Check("secure boot", True, "has to be off in the machines' firmware: none of the boot loaders is signed")


def _folder(folder: ClusterFolder) -> Check:
    try:
        refuse_newer(folder)
        refuse_newer_state(folder)
    except KbootError as error:
        return Check("folder", False, error.message, error.hint)
    if not folder.path.exists():
        return Check("folder", True, f"{folder.path} is not there yet")
    stamp = read_stamp(folder)
    maker = f"by kboot {stamp.kboot}" if stamp.kboot else "by an older kboot"
    return Check("folder", True, f"{folder.path} is of format {stamp.format}, {maker}")


def _autostart(folder: ClusterFolder) -> Check:
    hint = f"write it anew: `kboot autostart on --cluster {folder.cluster}`"
    unit = enabled_unit(folder.unit)
    if unit is None:
        return Check("autostart", True, f"off: `kboot autostart on` brings {folder.cluster} up after a reboot")
    if unit != autostart_unit(folder, own_command(), own_environment()):
        return Check("autostart", False, f"{folder.unit} does not run this kboot on {folder.path}", hint)
    if not runs():
        return Check("autostart", False, f"{folder.unit} is on, but systemd does not run here", "see docs/operate.md")
    return Check("autostart", True, f"on: {folder.unit}")


def _address(desc: ClusterDesc, path: Path) -> Check:
    try:
        name = interface_for(desc, path, HostNetwork())
    except KbootError as error:
        return Check("address", False, error.message, error.hint)
    return Check("address", True, f"{desc.network.bootstrapper} is on {name}")


def _dhcp(desc: ClusterDesc) -> Iterator[Check]:
    """Yield advice, and no fault: machines that are not heard at first ask again."""
    buffer_bytes = default_buffer_bytes()
    if buffer_bytes is not None and desc.network.dhcp.mode is not DhcpMode.OFF:
        yield Check("dhcp", True, dhcp_advice(desc, buffer_bytes))


def _ports(desc: ClusterDesc, folder: ClusterFolder) -> Check:
    services: list[ServiceState] = []
    with suppress(KbootError):  # the engine has a check of its own; without it none of our services runs
        services = Engine(folder).services()
    taken = taken_ports(desc, services, before=in_force(folder))
    return Check(
        "ports",
        not taken,
        "; ".join(map(str, taken)) or "free",
        way_out(desc, taken),
    )

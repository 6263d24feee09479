"""The main flow: from a description to services that answer. Read `up` first."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from ipaddress import IPv4Address
from pathlib import Path

import kboot_clusterdesc
from kboot_clusterdesc import ClusterDesc, ClusterFolder, DhcpMode
from kboot_clusterdesc.source import place_of, read_tree

from . import pki, state_folder
from .attachments import read_attachments
from .engine import Engine, Service
from .errors import BadInput, KbootError
from .images.build import ensure_images
from .lock import locked
from .network_interfaces import Interface, Listener, Port, holder_of, interfaces, listeners
from .progress import Progress
from .render import RenderedFile, render
from .render.compose import HostNetwork, NetworkMode
from .skew import refuse_skew
from .state_folder import FileChange
from .supplies import missing_supplies

LAB_INTERFACE = "eth0"  # the only card of the holder container

_OWNERS = {53: "dnsmasq", 67: "dnsmasq", 69: "dnsmasq", 80: "cloudconfig", 443: "cloudconfig"}


@dataclass(frozen=True, slots=True)
class Outcome:
    """What an `up` did."""

    desc: ClusterDesc
    folder: ClusterFolder
    changes: list[FileChange]
    recreated: list[str]


def up(
    path: Path,
    root: Path,
    progress: Progress,
    *,
    network: NetworkMode | None = None,
    before_start: Callable[[Engine], None] = lambda engine: None,
    after_start: Callable[[Engine], None] = lambda engine: None,
    timeout_s: float = 120,
) -> Outcome:
    """Bring the cluster that `path` describes into force and wait until its services are healthy.

    The lab starts what stands outside the project, such as its release server, in `before_start`, and fills the
    registry in `after_start`.
    """
    desc = kboot_clusterdesc.load(path)
    folder = ClusterFolder(root, desc.cluster.name)
    mode = network if network is not None else HostNetwork()
    with locked(folder.lock):
        if unsure := refuse_skew(folder, desc, path):
            progress(unsure)
        interface = interface_for(desc, path, mode)
        engine = Engine(folder)
        refuse_lab(engine, mode)
        before = engine.services()
        refuse_taken_ports(desc, mode, before)
        images = service_images(progress)
        state_folder.make_data_folders(folder)
        rendered = render_into(folder, desc, path, images, mode, interface)
        changes = state_folder.write_render(folder, rendered)
        progress(
            f"{len(changes)} files changed in {folder.path}" if changes else f"{folder.path} is up to date"
        )
        before_start(engine)
        hung = [service.name for service in before if service.state == "running" and service.health == "unhealthy"]
        engine.up()
        if hung:  # Compose leaves a container alone that runs, whatever its health
            engine.restart(hung)
        engine.wait_healthy(progress, timeout_s)
        after_start(engine)
        for lacking in missing_supplies(folder, desc):
            progress(lacking)
        return Outcome(desc, folder, changes, recreated(before, engine.services()))


def render_into(
    folder: ClusterFolder,
    desc: ClusterDesc,
    path: Path,
    images: dict[str, str],
    mode: NetworkMode,
    interface: str,
    kept: ClusterFolder | None = None,
) -> dict[str, RenderedFile]:
    """The render of `desc` for `folder`; secrets are those of `kept` (default: the same), made if missing."""
    secrets = pki.load_or_create(kept or folder, desc, datetime.now(UTC))
    return render(
        desc,
        secrets=secrets,
        images=images,
        network=mode,
        interface=interface,
        root=folder.root,
        attachments=read_attachments(desc, path),
    )


def interface_for(
    desc: ClusterDesc, path: Path, mode: NetworkMode, found: list[Interface] | None = None
) -> str:
    """The interface that dnsmasq may answer on; raises BadInput with the line if there is none."""
    if not isinstance(mode, HostNetwork):
        return LAB_INTERFACE
    present = interfaces() if found is None else found
    address = desc.network.bootstrapper
    holder = holder_of(address, present)
    named = desc.network.interface
    shown = ", ".join(map(str, present))
    if holder is None:
        raise BadInput(
            f"{_place(path, 'bootstrapper')}: network.bootstrapper: "
            f"{address} is on no interface of this machine: {shown}",
            f"add it (`ip address add {address}/{desc.network.subnet.prefixlen} dev ...`), "
            "or name the one it has",
        )
    if named is not None and named != holder.name:
        raise BadInput(
            f"{_place(path, 'interface')}: network.interface: `{named}` does not have {address}: {shown}",
            f"write `interface: {holder.name}`, or leave the key out",
        )
    return holder.name


def refuse_lab(engine: Engine, mode: NetworkMode) -> None:
    """Raise when a lab of that name stands here: its machines and network are not the host's."""
    if isinstance(mode, HostNetwork) and (guests := engine.guests()):
        raise BadInput(
            f"{engine.folder.cluster} is a lab on this machine: {', '.join(guests)}",
            f"`kboot lab up FILE` changes it, `kboot lab down --cluster {engine.folder.cluster}` ends it",
        )


def needed_ports(desc: ClusterDesc) -> list[Port]:
    """What our services bind on the bootstrapper's address."""
    dhcp = [] if desc.network.dhcp.mode is DhcpMode.OFF else [Port("udp", 67)]
    tcp = [Port("tcp", number) for number in (80, 443, desc.registry.port)]
    return [Port("udp", 53), Port("tcp", 53), *dhcp, Port("udp", 69), *tcp]


def taken_ports(desc: ClusterDesc, services: list[Service]) -> list[Listener]:
    """Who holds a port that a service needs which does not run yet."""
    running = {service.name for service in services if service.state == "running"}
    ports = [port for port in needed_ports(desc) if _OWNERS.get(port.number, "registry") not in running]
    found = listeners(ports, desc.network.bootstrapper)
    if "registry" not in running:  # pushes are taken on loopback alone
        found += listeners([Port("tcp", desc.registry.port + 1)], IPv4Address("127.0.0.1"))
    # dnsmasq binds DHCP sockets to a device and shares the port: one for virtual machines is not in the way.
    return [
        each for each in found if not (each.port.number == 67 and (each.program or "").startswith("dnsmasq"))
    ]


def refuse_taken_ports(desc: ClusterDesc, mode: NetworkMode, services: list[Service]) -> None:
    """Raise before anything is started when another program holds a port of ours."""
    if not isinstance(mode, HostNetwork):
        return
    taken = taken_ports(desc, services)
    if taken:
        raise KbootError(
            "; ".join(map(str, taken)),
            f"stop that program or keep it off {desc.network.bootstrapper}, then run this again",
        )


def checkout() -> Path:
    """The folder that holds `services/`: KBOOT_CHECKOUT, or where this package lies."""
    named = os.environ.get("KBOOT_CHECKOUT")
    path = Path(named) if named else Path(__file__).resolve().parents[2]
    if not (path / "services").is_dir():
        raise KbootError(
            f"{path}: holds no `services` folder to build the service images from",
            "set KBOOT_CHECKOUT to a checkout of kboot",
        )
    return path


def service_images(progress: Callable[[str], None]) -> dict[str, str]:
    """service -> image reference, built where it is missing."""
    return ensure_images(checkout(), progress)


def recreated(before: list[Service], after: list[Service]) -> list[str]:
    """The services whose container is another one than before, or was started again."""
    old = {service.name: (service.container, service.started) for service in before}
    return [service.name for service in after if old.get(service.name) != (service.container, service.started)]


def _place(path: Path, key: str) -> str:
    tree, _ = read_tree(path.read_bytes(), str(path))
    return str(place_of(tree, ("network", key)))

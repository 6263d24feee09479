"""The lab from nothing: images, the lab OS, the network and its services, then the machines."""

from __future__ import annotations

import os
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import kboot_clusterdesc
from kboot.engine import LABEL_CLUSTER, Engine
from kboot.errors import KbootError, NotYet
from kboot.lock import locked
from kboot.progress import Progress
from kboot.state_folder import write_file
from kboot.status import Status, read_status
from kboot.up import checkout, up
from kboot.waiting import looks
from kboot_clusterdesc import ClusterDesc, ClusterFolder

from . import ssh
from .images import machine_image
from .machines import Machines, MachineSpec
from .network import LabAddresses, lab_addresses, lab_description
from .os_build import build_lab_os

_RELEASE_SERVER = "release-server"
_LAB_RELEASE = "3975.2.0"


@dataclass(frozen=True, slots=True)
class LabUp:
    """What `lab_up` reached."""

    status: Status
    desc: ClusterDesc


def lab_up(path: Path, root: Path, progress: Progress, *, nodes: int | None, timeout_s: float) -> LabUp:
    """Bring the lab of the description `path` up and wait until every machine runs from its disk."""
    wanted = kboot_clusterdesc.load(path)
    folder = ClusterFolder(root, wanted.cluster.name)
    folder.lab.mkdir(parents=True, exist_ok=True)
    releases = build_lab_os(cache_folder(), _LAB_RELEASE, wanted.os.channel, progress)
    image = machine_image(checkout(), progress)
    addresses = lab_addresses(wanted)
    desc = lab_description(
        wanted,
        addresses,
        release_key=str(releases / "release-key.asc"),
        ssh_key=ssh.ensure_key(folder),
        nodes=nodes,
    )
    description = folder.lab / "cluster.yaml"
    write_file(description, kboot_clusterdesc.dump(desc))

    def start_release_server(engine: Engine) -> None:
        engine.up(["holder"])
        serve_releases(engine, image, releases, addresses)

    up(description, root, progress, network=addresses.network, before_start=start_release_server)
    engine = Engine(folder)
    machines = Machines(folder, engine.client)
    for node in desc.nodes:
        machines.add(MachineSpec(node.name, node.mac), image, f"{engine.project}_lab")
    return LabUp(wait_running(folder, engine, progress, timeout_s), desc)


def serve_releases(engine: Engine, image: str, releases: Path, addresses: LabAddresses) -> None:
    """Start the release server on the lab's network, as the public one stands on the internet."""
    name = f"{engine.project}-{_RELEASE_SERVER}"
    present = engine.client.containers.list(all=True, filters={"name": f"^/{name}$"})
    if present:
        present[0].start()
        return
    address = engine.client.api.create_endpoint_config(ipv4_address=str(addresses.release_server))
    endpoints: Any = {f"{engine.project}_lab": address}
    container = engine.client.api.create_container(
        image,
        name=name,
        entrypoint=[
            "python3",
            "/release_server.py",
            "/releases",
            "--bind",
            str(addresses.release_server),
            "--port",
            "80",
        ],
        labels={LABEL_CLUSTER: engine.folder.cluster},
        networking_config=engine.client.api.create_networking_config(endpoints),
        host_config=engine.client.api.create_host_config(
            binds={
                str(releases): {"bind": "/releases", "mode": "ro"},
                str(Path(__file__).parent / "release_server.py"): {
                    "bind": "/release_server.py",
                    "mode": "ro",
                },
            },
            cap_drop=["ALL"],
            cap_add=["NET_BIND_SERVICE"],
            read_only=True,
            init=True,
        ),
    )
    engine.client.api.start(container["Id"])


def wait_running(folder: ClusterFolder, engine: Engine, progress: Progress, timeout_s: float) -> Status:
    """Wait until every declared machine is running, a line a change; raises at a failure or the end."""
    late: list[str] = []
    for _ in looks(timeout_s, 1):
        status = read_status(folder, engine)
        stopped = [service.name for service in status.services if service.state in ("exited", "missing", "created")]
        if stopped:  # the engine does not start again what `docker kill` ended
            progress(f"{', '.join(stopped)} stopped, starting again")
            engine.up()
        for node in status.nodes:
            progress.state(node["name"], f"{node['phase']} {node['reason'] or ''}".rstrip())
        failed = [node for node in status.nodes if node["phase"] == "failed"]
        if failed:
            raise KbootError(
                f"{failed[0]['name']} failed: {failed[0]['reason']}",
                f"read `kboot lab console {failed[0]['name']}`",
            )
        late = [
            f"{node['name']} ({node['phase']})"
            for node in status.nodes
            if node["phase"] not in ("running", "ready")
        ]
        if status.nodes and not late:
            return status
    raise NotYet(f"not running after {timeout_s:.0f} s: {', '.join(late)}", "read `kboot lab console NAME`")


def lab_down(folder: ClusterFolder, *, purge: bool) -> None:
    """Leave no container, network, volume, disk or file of the lab; `purge` drops the cache too."""
    with locked(folder.lock):
        engine = Engine(folder)
        engine.remove_labelled(LABEL_CLUSTER, folder.cluster)
        engine.down()
        shutil.rmtree(folder.path, ignore_errors=True)
    folder.lock.unlink(missing_ok=True)
    if purge:
        shutil.rmtree(cache_folder(), ignore_errors=True)


def cache_folder() -> Path:
    """What builds keep: $KBOOT_CACHE or ~/.cache/kboot."""
    named = os.environ.get("KBOOT_CACHE")
    return Path(named) if named else Path.home() / ".cache" / "kboot"

"""Bring a lab up from nothing: images, the lab OS, the network and its services, then the machines; take it down."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import kboot_clusterdesc
from kboot.bring_up.up import up
from kboot.errors import BadInput
from kboot.etcd.skew import verdict_of_edit
from kboot.host import state_folder
from kboot.host.cache import cache_folder
from kboot.host.engine import LABEL_CLUSTER, Engine, connect
from kboot.host.files import write_file
from kboot.host.progress import Progress
from kboot.host.stamp import changed, held, refuse_newer
from kboot.preflight.kubernetes_skew import in_force
from kboot.render.compose import HostNetwork
from kboot.running.rendered_project import network_in_force
from kboot.running.status import Status
from kboot.service_images.sources import sources
from kboot_clusterdesc import ClusterDesc, ClusterFolder, Family, Phase

from . import ssh
from .acceleration import chosen_accelerator, why_no_kvm
from .addresses import LabAddresses
from .description import lab_description, with_attachments_of, with_kubernetes
from .hardware import Hardware, hardware_of_nodes
from .kubernetes import kubernetes_folder, version_in
from .machine_image import machine_image
from .machines import Machines, machine_for
from .network import settled_addresses
from .os_build import build_lab_os
from .releases import publish, published
from .supplies import bring_supplies
from .update_payload import PUBLIC_KEY
from .wait import outdated_note, wait_for

_RELEASE_SERVER = "release-server"
LAB_RELEASE = "3975.2.0"
_KERNEL = "flatcar_production_pxe.vmlinuz"
_GRACE_S = 1800  # a node may become Ready with an outdated config, and an emulated machine is slow


@dataclass(frozen=True, slots=True)
class LabUp:
    """The result of `lab_up`: the lab's status, and the description in force."""

    status: Status
    desc: ClusterDesc


def lab_up(
    path: Path,
    root: Path,
    progress: Progress,
    *,
    nodes: int | None,
    hardware: Path | None = None,
    timeout_s: float | None = None,
) -> LabUp:
    """Bring up the lab of the description `path`, and wait until every machine runs, or is Ready with Kubernetes.

    The file `hardware` names nodes whose machines are made otherwise.
    """
    wanted = kboot_clusterdesc.load(path)
    folder = ClusterFolder(root, wanted.cluster.name)
    refuse_newer(folder)
    refuse_real_cluster(folder)
    refuse_other_os(wanted)
    connect()  # before what takes minutes, and is in vain without the engine
    with changed(folder):
        folder.lab.mkdir(parents=True, exist_ok=True)
    version = LAB_RELEASE if wanted.os.version == "current" else wanted.os.version
    releases = build_lab_os(cache_folder(), version, wanted.os.channel, progress)
    publish(releases, published(folder), is_current=False)
    image = machine_image(progress)
    addresses = settled_addresses(folder, wanted)
    binaries = kubernetes_folder(cache_folder(), sources())
    possible = with_kubernetes(wanted, version_in(binaries) if binaries else None)
    for note in possible.notes:
        progress(note)
    desc = lab_description(
        with_attachments_of(possible.desc, path.parent),
        addresses,
        release_key=str(releases / "release-key.asc"),
        payload_key=str(releases / PUBLIC_KEY),
        ssh_key=ssh.ensure_key(folder),
        nodes=nodes,
    )
    made = hardware_of_nodes(hardware, {node.name: node.mac for node in desc.nodes}) if hardware else {}
    refuse_other_etcd(folder, desc)
    before = in_force(folder)
    grace_s = 0 if before is not None and before.kubernetes is None else _GRACE_S
    description = folder.lab / "cluster.yaml"
    write_file(description, kboot_clusterdesc.dump(desc))

    def start_release_server(engine: Engine) -> None:
        engine.up(["holder"])
        serve_releases(engine, image, published(folder), addresses)

    up(
        description,
        root,
        progress,
        network=addresses.network,
        before_start=start_release_server,
        after_start=lambda engine: bring_supplies(engine, desc, binaries, progress),
    )
    engine = Engine(folder)
    kernel = releases / wanted.os.channel / wanted.os.board / version / _KERNEL
    accelerator = chosen_accelerator(folder, progress, lambda: why_no_kvm(engine.client, folder.cluster, image, kernel))
    machines = Machines(folder, engine.client, accelerator)
    for node in desc.nodes:
        machines.add(machine_for(desc, node, made.get(node.name, Hardware())), image, f"{engine.project}_lab", releases)
    off = {name for name, hardware in made.items() if hardware.is_off}
    wanted_phase, usual_s = (Phase.READY, 3600) if desc.kubernetes else (Phase.RUNNING, 1800)
    status = wait_for(wanted_phase, folder, engine, progress, timeout_s or usual_s, grace_s=grace_s, off=off)
    if (outdated := outdated_note(status.nodes, folder)) is not None:
        progress(outdated)
    return LabUp(status, desc)


def refuse_real_cluster(folder: ClusterFolder) -> None:
    """Raise BadInput where the folder is of a cluster that serves real machines, before anything is changed."""
    if folder.compose.exists() and isinstance(network_in_force(folder), HostNetwork):
        raise BadInput(
            f"{folder.path} is a real cluster, not a lab",
            "give the lab another `cluster.name` or `--root`; `kboot down` ends a real cluster",
        )


def refuse_other_os(desc: ClusterDesc) -> None:
    """Raise BadInput for an OS that the lab cannot build, and would wait for in vain."""
    if desc.os.family is not Family.FLATCAR or desc.os.board != "amd64-usr":
        raise BadInput(
            f"the lab OS is flatcar for amd64, not {desc.os.family} {desc.os.board}",
            "write `family: flatcar` and `arch: amd64` in the description of a lab",
        )


def refuse_other_etcd(folder: ClusterFolder, desc: ClusterDesc) -> None:
    """Raise BadInput where the new etcd cannot read the machines' data: Debian's is older than the one built here."""
    before = in_force(folder)
    reason = verdict_of_edit(folder, before, desc).reason if before is not None else None
    if reason is not None:
        raise BadInput(
            f"this lab has another etcd now: {reason[0]}",
            f"`kboot lab down --cluster {folder.cluster}`, then this again installs its machines anew",
        )


def serve_releases(engine: Engine, image: str, releases: Path, addresses: LabAddresses) -> None:
    """Start the release server on the lab's network, in the place of the public one on the internet."""
    name = f"{engine.project}-{_RELEASE_SERVER}"
    present = engine.client.containers.list(all=True, filters={"name": f"^/{name}$"})
    if present:
        if str(releases) in {mount["Source"] for mount in present[0].attrs["Mounts"]}:
            present[0].start()
            return
        present[0].remove(force=True)  # it serves another folder, as an older kboot had it
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


def lab_down(folder: ClusterFolder, *, purge: bool) -> None:
    """Take the lab down with every container, network, volume, disk and file of it; `purge` drops the cache too."""
    refuse_newer(folder)
    refuse_real_cluster(folder)
    with held(folder):
        engine = Engine(folder)
        engine.remove_labelled(LABEL_CLUSTER, folder.cluster)
        engine.down()
        state_folder.remove(folder)
    folder.lock.unlink(missing_ok=True)
    if purge:
        for made in ("lab-os", "node-images", "python"):
            shutil.rmtree(cache_folder() / made, ignore_errors=True)

"""Change a description for the lab: fill in what the lab knows, leave out what it cannot have. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from kboot.errors import BadInput
from kboot_clusterdesc import ClusterDesc, DhcpMode, Mac, Node, Role
from kboot_clusterdesc.loader import Loader
from kboot_clusterdesc.model import Timing

from .addresses import LabAddresses

_LOADER = Loader.IPXE_BIOS  # on a UEFI machine it counts for nothing
DEBIAN_ETCD = "kboot.lab/etcd:debian"  # Debian's own etcd, used where `make kubernetes` built none


@dataclass(frozen=True, slots=True)
class LabDescription:
    """A description changed for the lab, and what the operator should know of the changes."""

    desc: ClusterDesc
    notes: tuple[str, ...] = ()


def lab_description(
    desc: ClusterDesc,
    addresses: LabAddresses,
    *,
    release_key: str,
    payload_key: str,
    ssh_key: str,
    nodes: int | None = None,
) -> ClusterDesc:
    """Return the description with the lab's release server and keys, and with `nodes` nodes if that is given.

    Update payloads lie beside the other files of a release there.
    Its timing is slow, since the machines are emulated, and no proxy of the site stands before the lab's own server.
    BIOS machines load an iPXE that drives their cards itself: through the BIOS the OS takes such a machine minutes.
    """
    os = desc.os.model_copy(
        update={
            "release_url": f"http://{addresses.release_server}/{{channel}}/{{board}}",
            "release_key": release_key,
            "update": desc.os.update.model_copy(update={"payload_url": None, "payload_key": payload_key}),
        }
    )
    keys = tuple(dict.fromkeys((*desc.ssh_authorized_keys, ssh_key)))
    chosen = desc.nodes if nodes is None else tuple(_nodes(desc.nodes, nodes))
    if desc.network.dhcp.mode is not DhcpMode.OFF:
        chosen = tuple(node if node.loader else node.model_copy(update={"loader": _LOADER}) for node in chosen)
    network = desc.network.model_copy(update={"proxy": None})
    changes = {"os": os, "network": network, "ssh_authorized_keys": keys, "nodes": chosen, "timing": Timing.SLOW}
    return desc.model_copy(update=changes)


def with_attachments_of(desc: ClusterDesc, folder: Path) -> ClusterDesc:
    """Return the description with absolute paths to the files that it names, which lie in its own `folder`."""

    def found(name: str | None) -> str | None:
        return None if name is None else str((folder / name).absolute())

    changes: dict[str, object] = {
        "os": desc.os.model_copy(update={"extra": found(desc.os.extra)}),
        "nodes": tuple(node.model_copy(update={"extra": found(node.extra)}) for node in desc.nodes),
    }
    if desc.kubernetes is not None:
        manifests = tuple(str((folder / name).absolute()) for name in desc.kubernetes.manifests)
        changes["kubernetes"] = desc.kubernetes.model_copy(update={"manifests": manifests})
    return desc.model_copy(update=changes)


def with_kubernetes(desc: ClusterDesc, version: str | None) -> LabDescription:
    """Return the description as binaries of Kubernetes `version` allow it (None: no binaries); raises BadInput."""
    if version is None:
        return _without_kubernetes(desc)
    if desc.kubernetes is None:
        return LabDescription(desc)
    if desc.kubernetes.version != version:
        raise BadInput(
            f"kubernetes.version is {desc.kubernetes.version}, and the binaries here are {version}",
            f"write `version: {version}`, or name a folder of the other one with KBOOT_LAB_KUBERNETES",
        )
    notes = []
    changes: dict[str, object] = {}
    if desc.kubernetes.cni.name == "flannel":
        changes["cni"] = desc.kubernetes.cni.model_copy(update={"name": "routes"})
        notes.append("kubernetes.cni.name is `routes` here, since flannel's images cannot be made from sources at hand")
    kubernetes = desc.kubernetes.model_copy(update=changes)
    return LabDescription(desc.model_copy(update={"kubernetes": kubernetes}), tuple(notes))


def _without_kubernetes(desc: ClusterDesc) -> LabDescription:
    images = {"etcd": DEBIAN_ETCD, **desc.images} if desc.etcd_members else dict(desc.images)
    notes: tuple[str, ...] = ()
    if desc.kubernetes is not None:
        notes = (
            "no binaries of Kubernetes are here: the machines run etcd at most;"
            " `make kubernetes` in a checkout builds them",
        )
    return LabDescription(desc.model_copy(update={"kubernetes": None, "images": images}), notes)


def _nodes(declared: Sequence[Node], count: int) -> Iterator[Node]:
    """Yield the first `count` declared nodes, and made-up workers where these are too few."""
    yield from declared[:count]
    present = {node.mac for node in declared}
    made = (Mac(f"52:54:00:6b:{i >> 8:02x}:{i & 255:02x}") for i in range(1, 65536))
    fresh = (mac for mac in made if mac not in present)
    for _ in range(count - len(declared)):
        yield Node(mac=next(fresh), roles=(Role.WORKER,))  # type: ignore[call-arg] # its name follows from the MAC

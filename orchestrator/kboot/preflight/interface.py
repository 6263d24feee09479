"""The interface that dnsmasq may answer on: the one that holds the bootstrapper's address."""

from __future__ import annotations

from pathlib import Path

from kboot_clusterdesc import ClusterDesc
from kboot_clusterdesc.source import place_of, read_tree

from ..errors import BadInput
from ..host.network_interfaces import Interface, holder_of, interfaces
from ..render.compose import HostNetwork, NetworkMode

LAB_INTERFACE = "eth0"  # the only card of the holder container


def interface_for(desc: ClusterDesc, path: Path, mode: NetworkMode, found: list[Interface] | None = None) -> str:
    """Return the interface that dnsmasq may answer on; raise BadInput with the line in `path` if there is none."""
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
            f"add it (`ip address add {address}/{desc.network.subnet.prefixlen} dev ...`), or name the one it has",
        )
    if named is not None and named != holder.name:
        raise BadInput(
            f"{_place(path, 'interface')}: network.interface: `{named}` does not have {address}: {shown}",
            f"write `interface: {holder.name}`, or leave the key out",
        )
    return holder.name


def _place(path: Path, key: str) -> str:
    tree, _ = read_tree(path.read_bytes(), str(path))
    return str(place_of(tree, ("network", key)))

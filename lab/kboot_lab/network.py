"""The addresses of the lab's network, which stay as they are until the lab is taken down."""

from __future__ import annotations

import json
from dataclasses import asdict
from ipaddress import IPv4Address, IPv4Network

from kboot.errors import BadInput
from kboot.host.files import write_file
from kboot_clusterdesc import ClusterDesc, ClusterFolder

from .addresses import LabAddresses, lab_addresses, taken_addresses


def settled_addresses(folder: ClusterFolder, desc: ClusterDesc) -> LabAddresses:
    """Return the lab's addresses; an existing lab keeps its own, since the engine cannot move a network in use.

    Raises BadInput when the description now uses one of them itself, or the subnet has no room.
    """
    kept = folder.lab / "network.json"
    if not kept.exists():
        chosen = lab_addresses(desc)
        words = {name: str(value) for name, value in asdict(chosen).items()}
        write_file(kept, json.dumps({"subnet": str(desc.network.subnet), **words}).encode())
        return chosen
    had = json.loads(kept.read_text())
    addresses = LabAddresses(
        IPv4Address(had["gateway"]), IPv4Network(had["ip_range"]), IPv4Address(had["release_server"])
    )
    routers = [address for address in desc.network.routers if address in desc.network.subnet]
    given_away = {addresses.release_server, *addresses.ip_range, *([] if routers else [addresses.gateway])}
    is_moved = had["subnet"] != str(desc.network.subnet) or (routers and routers[0] != addresses.gateway)
    if is_moved or given_away & set(taken_addresses(desc)):
        raise BadInput(
            f"the lab of {desc.cluster.name} stands on {had['subnet']} with gateway {addresses.gateway}, and its "
            f"containers have {addresses.ip_range} and {addresses.release_server}: the description moves or uses these",
            f"take other addresses, or `kboot lab down --cluster {desc.cluster.name}` first",
        )
    return addresses

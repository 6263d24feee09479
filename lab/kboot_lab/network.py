"""The lab's network: which addresses are whose."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from ipaddress import IPv4Address, IPv4Network

from kboot.errors import BadInput
from kboot.render.compose import LabNetwork
from kboot.state_folder import write_file
from kboot_clusterdesc import ClusterDesc, ClusterFolder

_POOL_PREFIXES = (27, 28, 29)  # 30, 14 or 6 containers, as many as find room


@dataclass(frozen=True, slots=True)
class LabAddresses:
    """What the lab itself takes of the subnet."""

    gateway: IPv4Address
    ip_range: IPv4Network  # the engine's own pool, for the containers of machines; never seen by a guest
    release_server: IPv4Address

    @property
    def network(self) -> LabNetwork:
        """The mode in which Compose starts the services."""
        return LabNetwork(gateway=self.gateway, ip_range=self.ip_range)


def settled_addresses(folder: ClusterFolder, desc: ClusterDesc) -> LabAddresses:
    """The lab's addresses; a lab that stands keeps those that it has, since the engine cannot move a network in use.

    Raises BadInput when the description now gives one of them away, or the subnet has no room.
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
    if is_moved or given_away & set(_taken(desc)):
        raise BadInput(
            f"the lab of {desc.cluster.name} stands on {had['subnet']} with gateway {addresses.gateway}, and its "
            f"containers have {addresses.ip_range} and {addresses.release_server}: the description moves or uses these",
            f"take other addresses, or `kboot lab down --cluster {desc.cluster.name}` first",
        )
    return addresses


def lab_addresses(desc: ClusterDesc) -> LabAddresses:
    """Addresses that nothing in the description uses; raises BadInput when the subnet has no room."""
    taken = set(_taken(desc))
    routers = [address for address in desc.network.routers if address in desc.network.subnet]
    gateway = routers[0] if routers else _free(desc, taken)
    taken.add(gateway)
    ip_range = _pool(desc, taken)
    release_server = _free(desc, taken | set(ip_range))
    return LabAddresses(gateway, ip_range, release_server)


def _taken(desc: ClusterDesc) -> Iterator[IPv4Address]:
    network = desc.network
    yield network.bootstrapper
    yield from (*network.routers, *network.nameservers, *network.ntp, *network.hosts.values())
    yield from (node.ip for node in desc.nodes if node.ip is not None)
    if network.dhcp.range is not None:
        first, last = int(network.dhcp.range.first), int(network.dhcp.range.last)
        yield from (IPv4Address(number) for number in range(first, last + 1))


def _pool(desc: ClusterDesc, taken: set[IPv4Address]) -> IPv4Network:
    subnet = desc.network.subnet
    edges = {subnet.network_address, subnet.broadcast_address}
    for prefix in _POOL_PREFIXES:
        if prefix <= subnet.prefixlen:
            continue
        for pool in reversed(list(subnet.subnets(new_prefix=prefix))):
            if not (taken | edges) & set(pool):
                return pool
    raise BadInput(
        f"{subnet} has no room for the lab's own containers", "leave eight addresses in a row unused"
    )


def _free(desc: ClusterDesc, taken: set[IPv4Address]) -> IPv4Address:
    for address in reversed(list(desc.network.subnet.hosts())):
        if address not in taken:
            return address
    raise BadInput(f"{desc.network.subnet} has no free address left for the lab", "widen network.subnet")

"""The addresses that a lab takes from the description's subnet for itself. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network

from kboot.errors import BadInput
from kboot.render.compose import LabNetwork
from kboot_clusterdesc import ClusterDesc

_POOL_PREFIXES = (27, 28, 29)  # room for 30, 14 or 6 containers; the first that is free is taken


@dataclass(frozen=True, slots=True)
class LabAddresses:
    """The addresses that the lab takes from the subnet for itself."""

    gateway: IPv4Address
    ip_range: IPv4Network  # the Docker engine's pool for the containers of machines; no machine sees it
    release_server: IPv4Address

    @property
    def network(self) -> LabNetwork:
        """The network in which Compose starts the services of a lab."""
        return LabNetwork(gateway=self.gateway, ip_range=self.ip_range)


def lab_addresses(desc: ClusterDesc) -> LabAddresses:
    """Choose addresses that nothing in the description uses; raises BadInput when the subnet has no room."""
    taken = set(taken_addresses(desc))
    routers = [address for address in desc.network.routers if address in desc.network.subnet]
    gateway = routers[0] if routers else _free(desc, taken)
    taken.add(gateway)
    ip_range = _pool(desc, taken)
    release_server = _free(desc, taken | set(ip_range))
    return LabAddresses(gateway, ip_range, release_server)


def taken_addresses(desc: ClusterDesc) -> Iterator[IPv4Address]:
    """Yield every address that the description uses, or that its DHCP may lease from the range."""
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
    raise BadInput(f"{subnet} has no room for the lab's own containers", "leave eight addresses in a row unused")


def _free(desc: ClusterDesc, taken: set[IPv4Address]) -> IPv4Address:
    for address in reversed(list(desc.network.subnet.hosts())):
        if address not in taken:
            return address
    raise BadInput(f"{desc.network.subnet} has no free address left for the lab", "widen network.subnet")

"""The ports that our services bind, and the programs that hold one of them already."""

from __future__ import annotations

from ipaddress import IPv4Address

from kboot_clusterdesc import ClusterDesc, DhcpMode

from ..errors import KbootError
from ..host.engine import ServiceState
from ..host.network_interfaces import Listener, Port, listeners
from ..render.compose import HostNetwork, NetworkMode

_OWNERS = {53: "dnsmasq", 67: "dnsmasq", 69: "dnsmasq", 80: "cloudconfig", 443: "cloudconfig"}


def needed_ports(desc: ClusterDesc) -> list[Port]:
    """Return the ports that our services bind on the bootstrapper's address."""
    dhcp = [] if desc.network.dhcp.mode is DhcpMode.OFF else [Port("udp", 67)]
    tcp = [Port("tcp", number) for number in (80, 443, desc.registry.port)]
    return [Port("udp", 53), Port("tcp", 53), *dhcp, Port("udp", 69), *tcp]


def taken_ports(desc: ClusterDesc, services: list[ServiceState]) -> list[Listener]:
    """Return the listeners on ports of those services that do not run yet."""
    running = {service.name for service in services if service.state == "running"}
    ports = [port for port in needed_ports(desc) if _OWNERS.get(port.number, "registry") not in running]
    found = listeners(ports, desc.network.bootstrapper)
    if "registry" not in running:  # pushes are taken on loopback alone
        found += listeners([Port("tcp", desc.registry.port + 1)], IPv4Address("127.0.0.1"))
    # dnsmasq binds DHCP sockets to a device and shares the port: one for virtual machines is not in the way.
    return [
        each for each in found if not (each.port.number == 67 and (each.program or "").startswith("dnsmasq"))
    ]


def refuse_taken_ports(desc: ClusterDesc, mode: NetworkMode, services: list[ServiceState]) -> None:
    """Raise KbootError when another program holds a port that a service will bind on this machine."""
    if not isinstance(mode, HostNetwork):
        return
    taken = taken_ports(desc, services)
    if taken:
        raise KbootError(
            "; ".join(map(str, taken)),
            f"stop that program or keep it off {desc.network.bootstrapper}, then run this again",
        )

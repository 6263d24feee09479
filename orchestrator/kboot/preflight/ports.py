"""The ports that our services bind, and the programs that hold one of them already."""

from __future__ import annotations

from collections.abc import Sequence
from ipaddress import IPv4Address

from kboot_clusterdesc import ClusterDesc
from kboot_compose.services import DHCP, LOOPBACK, NTP, PROXY_DHCP, SERVICES, Port, Service, services_of

from ..errors import KbootError
from ..host.engine import ServiceState
from ..host.network_interfaces import Listener, listeners
from ..render.compose import HostNetwork, NetworkMode

_EVERYWHERE = (DHCP, PROXY_DHCP)


def taken_ports(
    desc: ClusterDesc,
    states: list[ServiceState],
    services: Sequence[Service] = SERVICES,
    before: ClusterDesc | None = None,
) -> list[Listener]:
    """Return the listeners on ports that those services are about to bind.

    One that runs holds those of the description `before`, that in force.
    """
    running = {state.name for state in states if state.state == "running"}
    moves = before is not None and before.network.bootstrapper != desc.network.bootstrapper
    ports, loopback_ports = set[Port](), set[Port]()
    for service in services_of(desc, services):
        held = (before or desc) if service.name in running else None
        ports |= set(service.ports(desc)) - set(() if held is None or moves else service.ports(held))
        loopback_ports |= set(service.loopback_ports(desc)) - set(() if held is None else service.loopback_ports(held))
    found = listeners(ports, desc.network.bootstrapper, everywhere=_EVERYWHERE)
    found += listeners(loopback_ports, LOOPBACK)
    # dnsmasq binds DHCP sockets to a device and shares the port: one for virtual machines is not in the way.
    return [each for each in found if not (each.port in _EVERYWHERE and (each.program or "").startswith("dnsmasq"))]


def refuse_taken_ports(
    desc: ClusterDesc, mode: NetworkMode, services: list[ServiceState], before: ClusterDesc | None = None
) -> None:
    """Raise KbootError when another program holds a port that a service will bind on this machine.

    Services that run hold those of the description `before`.
    """
    if not isinstance(mode, HostNetwork):
        return
    taken = taken_ports(desc, services, before=before)
    if taken:
        raise KbootError(
            "; ".join(map(str, taken)),
            f"{way_out(desc, taken)}, then run this again",
        )


def way_out(desc: ClusterDesc, taken: Sequence[Listener]) -> str:
    """Return what frees the taken ports; a time server that stands here may be used instead of ours."""
    address = desc.network.bootstrapper
    is_near = any(each.address in (address, IPv4Address(0)) for each in taken)
    stop = f"stop that program or keep it off {address}" if is_near or not taken else "stop that program"
    if any(each.port == NTP for each in taken):
        return f"{stop}, or have machines ask the time server there: `ntp: [{address}]` in `network`"
    return stop

"""A rack's network on this machine: a namespace for the bootstrapper, one for the machines, a cable between them.

Machine number N has the address 10.77.0.0 + N, and the machines' namespace answers for all of them: a client binds to
the one it is. Nothing of it shows on the host's network.
"""

from __future__ import annotations

import ctypes
import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from ipaddress import IPv4Address, IPv4Network

SUBNET = IPv4Network("10.77.0.0/16")
MACHINES = IPv4Network("10.77.0.0/17")
MOST_MACHINES = 20_000
CABLE = "rack"
_GATEWAY = IPv4Address("10.77.255.254")
_FIRST_SERVER = IPv4Address("10.77.255.1")
_SERVERS = 16
_CLONE_NEWNET = 0x40000000


def machine_address(number: int) -> IPv4Address:
    """Return the address of a machine, which are counted from 1."""
    return MACHINES.network_address + number


def server_address(number: int) -> IPv4Address:
    """Return the address of a server: several trees of the product run beside each other, each at its own."""
    return _FIRST_SERVER + number


def _run(*command: str) -> None:
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        raise SystemExit(f"{' '.join(command)}: {done.stderr.strip()}")


class Network:
    """The two namespaces."""

    def __init__(self) -> None:
        self.servers, self.clients = f"kboot-bench-s-{os.getpid()}", f"kboot-bench-c-{os.getpid()}"

    def in_servers(self, *command: str) -> list[str]:
        """Return the command that runs `command` in the bootstrapper's namespace, as the same process."""
        return ["ip", "netns", "exec", self.servers, *command]

    def make(self) -> None:
        """Make both namespaces, and the addresses of the servers."""
        for name in (self.servers, self.clients):
            _run("ip", "netns", "add", name)
            _run("ip", "-n", name, "link", "set", "lo", "up")
            _run("ip", "netns", "exec", name, "sh", "-c", "echo 1024 65535 >/proc/sys/net/ipv4/ip_local_port_range")
        here, there = ("-n", self.servers), ("-n", self.clients)
        _run("ip", *here, "link", "add", CABLE, "type", "veth", "peer", "name", CABLE, "netns", self.clients)
        for number in range(_SERVERS):
            address = server_address(number)
            _run("ip", *here, "addr", "add", f"{address}/{SUBNET.prefixlen}", "dev", CABLE)
        _run("ip", *there, "addr", "add", f"{_GATEWAY}/{SUBNET.prefixlen}", "dev", CABLE)
        for side in (here, there):
            _run("ip", *side, "link", "set", CABLE, "up")
        # By one neighbour: a table of neighbours holds 1024 (gc_thresh3), for all namespaces of the host together.
        _run("ip", *here, "route", "add", str(MACHINES), "via", str(_GATEWAY))
        _run("ip", *there, "route", "add", "local", str(MACHINES), "dev", "lo")
        # A client that binds to no address is machine 1.
        _run("ip", *there, "route", "add", "10.77.255.0/24", "dev", CABLE, "src", str(machine_address(1)))
        # dnsmasq looks by a ping whether an address is free before it gives it.
        silent = "echo 1 >/proc/sys/net/ipv4/icmp_echo_ignore_all"
        _run("ip", "netns", "exec", self.clients, "sh", "-c", silent)

    def enter_clients(self) -> None:
        """Move this thread, and what it starts from now on, among the machines."""
        handle = os.open(f"/run/netns/{self.clients}", os.O_RDONLY)
        _enter(handle)
        os.close(handle)

    def remove(self) -> None:
        """Remove both namespaces."""
        for name in (self.servers, self.clients):
            subprocess.run(["ip", "netns", "delete", name], capture_output=True)


def _enter(namespace: int) -> None:
    if ctypes.CDLL(None, use_errno=True).setns(namespace, _CLONE_NEWNET) != 0:
        raise OSError(ctypes.get_errno(), "setns")


@contextmanager
def rack_network() -> Iterator[Network]:
    """Make the network, be among its machines, and leave nothing of it."""
    network, home = Network(), os.open("/proc/thread-self/ns/net", os.O_RDONLY)
    try:
        network.make()
        network.enter_clients()
        yield network
    finally:
        _enter(home)
        os.close(home)
        network.remove()

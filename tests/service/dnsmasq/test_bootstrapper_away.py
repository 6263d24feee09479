"""An installed machine's address while the bootstrapper is away, with the real systemd-networkd and dnsmasq.

The lease is the shortest that dnsmasq gives, two minutes: most of the first test waits for its end.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from kboot.host.waiting import looks
from kboot_clusterdesc import Node, load_text
from service.dnsmasq.daemon import OWN, SERVED, Site, network, started
from support.namespace import ip
from support.networkd import Networkd, files_of

_LEASE_S = 120
_PODS = "10.1.3.0/24"  # those of another node
_DESCRIPTION = SERVED.replace("lease: 90m", f"lease: {_LEASE_S}s")
_DESC = load_text(_DESCRIPTION, "site.yaml")
_FIXED, _OTHER = _DESC.nodes[0], _DESC.nodes[2]


def test_a_machine_keeps_its_address_past_its_lease_and_takes_a_new_one_when_it_is_given(tmp_path: Path) -> None:
    with site_of(_OTHER, tmp_path) as (site, machine), machine.started(files_of(_DESC, _OTHER)):
        with started(site):
            first = until_addressed(site, machine)
        for _ in looks(_LEASE_S + 60, 1):  # nobody answers
            assert machine.addresses(OWN) == first, machine.log.read_text()
            if "ignoring request to reconfigure it" in machine.log.read_text():  # the lease has ended
                break
        assert "ignoring request to reconfigure it" in machine.log.read_text()
        hosts = site.mounts["/etc"] / "kboot" / "dhcp-hosts"
        hosts.write_text(hosts.read_text().replace(f"{_OTHER.mac},id:*,", f"{_OTHER.mac},id:*,10.10.14.12,"))
        with started(site):
            until_addressed(site, machine, "10.10.14.12/24")


def test_a_machine_keeps_address_and_pod_routes_over_a_restart_of_networkd_while_nobody_answers(tmp_path: Path) -> None:
    with site_of(_OTHER, tmp_path) as (site, machine):
        with started(site), machine.started(files_of(_DESC, _OTHER)):
            first = until_addressed(site, machine)
            machine.until_set_up(OWN)
        ip("-n", machine.machine.name, "route", "add", _PODS, "via", "10.10.14.202")
        with machine.changes(tmp_path) as seen, machine.started(files_of(_DESC, _OTHER)):
            machine.until_set_up(OWN, "configuring")
            for _ in looks(3, 0.5):
                assert "Deleted" not in seen.read_text(), machine.log.read_text()
        assert machine.addresses(OWN) == first
        assert has_pod_route(machine)


def test_a_fixed_node_has_its_address_at_a_boot_without_the_bootstrapper(tmp_path: Path) -> None:
    with site_of(_FIXED, tmp_path) as (site, machine), machine.started(files_of(_DESC, _FIXED)):
        until_addressed(site, machine, "10.10.14.11/24")
        assert until_route(machine, "static") == [("10.10.14.254", OWN)]
        assert {"DNS=10.10.14.253", "NTP=10.10.14.250"} <= machine.told


def test_a_fixed_node_that_asked_by_dhcp_so_far_goes_on_with_the_same_address(tmp_path: Path) -> None:
    """As a machine that an older kboot installed, at `kboot node apply`."""
    by_dhcp = {path: text.replace(str(_OTHER.mac), str(_FIXED.mac)) for path, text in files_of(_DESC, _OTHER).items()}
    with site_of(_FIXED, tmp_path) as (site, machine):
        with started(site), machine.started(by_dhcp):
            until_addressed(site, machine, "10.10.14.11/24")
            assert until_route(machine, "dhcp") == [("10.10.14.254", OWN)]
        ip("-n", machine.machine.name, "route", "add", _PODS, "via", "10.10.14.202")
        with machine.started(files_of(_DESC, _FIXED)):
            assert until_route(machine, "static") == [("10.10.14.254", OWN)]
            machine.until_set_up(OWN)
            assert machine.addresses(OWN) == ["10.10.14.11/24"]
            assert has_pod_route(machine)


@contextmanager
def site_of(node: Node, folder: Path) -> Iterator[tuple[Site, Networkd]]:
    """A site whose dnsmasq does not run yet, and a node at its network."""
    with network("away", _DESCRIPTION, folder) as site:
        machine = site.machines.name
        ip("-n", machine, "addr", "flush", "dev", OWN)
        ip("-n", machine, "link", "set", OWN, "down")
        ip("-n", machine, "link", "set", OWN, "address", str(node.mac))
        yield site, Networkd(site.machines, folder)


def until_addressed(site: Site, machine: Networkd, wanted: str | None = None) -> list[str]:
    """Wait until the machine has that address alone, or any; return what it has."""
    for _ in looks(120, 0.5):
        seen = machine.addresses(OWN)
        if seen == [wanted] if wanted else seen:
            return seen
    raise AssertionError(f"{seen}, not {wanted}: {machine.log.read_text()}\n{site.log.read_text()}")


def has_pod_route(machine: Networkd) -> bool:
    """Whether the route of pods is there that nobody but a pod network set."""
    return any(route["dst"] == _PODS for route in machine.ip_json("-4", "route", "show"))


def until_route(machine: Networkd, protocol: str) -> list[tuple[str, str]]:
    """Wait until the machine has a default route that was learnt so; return router and card."""
    for _ in looks(30, 0.2):
        routes = machine.ip_json("-4", "route", "show", "default")
        found = [(route["gateway"], route["dev"]) for route in routes if route["protocol"] == protocol]
        if found:
            return found
    raise AssertionError(f"{routes}: {machine.log.read_text()}")

"""Under which names the server may be read: the bootstrapper's own and those that the description gives it."""

from __future__ import annotations

from ipaddress import IPv4Address

import pytest

from kboot_cloudconfig.app import ROUTES
from kboot_cloudconfig.own_name import is_own_name
from kboot_cloudconfig.route import Names, Who
from unit.clusterdesc.sample import SAMPLE, accepted

_SAMPLE = accepted(SAMPLE)
_NETWORK = _SAMPLE.network
_HOSTS = {
    "Boot.example.com": _NETWORK.bootstrapper,
    "prom": _NETWORK.bootstrapper,
    "printer.example.com": IPv4Address("192.0.2.7"),
}
DESC = _SAMPLE.model_copy(update={"network": _NETWORK.model_copy(update={"hosts": _HOSTS})})


_OWN = ["boot.example.com", "BOOT.example.com.:80", "localhost:8080", "prom", f"Prom.{_SAMPLE.cluster.domain}:80"]
_FOREIGN = [
    "",
    "printer.example.com",
    "evil.example",
    "boot.example.com.evil.example",
    "prom.evil.example",
    "::1",
    "x[::1]",
]


@pytest.mark.parametrize("host", [*_OWN, "[::1]", "[::1]:8080", "[fe80::1]", "192.0.2.7"])
def test_names_that_lead_to_the_bootstrapper_and_all_addresses_are_its_own(host: str) -> None:
    assert is_own_name(host, DESC)


@pytest.mark.parametrize("host", _FOREIGN)
def test_names_that_lead_elsewhere_are_not(host: str) -> None:
    assert not is_own_name(host, DESC)


def test_what_is_for_people_and_programs_goes_by_own_names_and_what_machines_ask_for_by_any() -> None:
    by_any = {route.path for route in ROUTES if not route.is_for_people}
    assert by_any == {
        "/boot.ipxe",
        "/boot/disk.efi",
        "/boot/disk.pxe",
        "/boot/{name}.efi",
        "/boot/{mac}.ipxe",
        "/boot/{name}",
        "/pxelinux.cfg/default",
        "/pxe.ign",
        "/install.sh",
        "/ignition/{mac}.json",
        "/cloud-configs/{mac}.yaml",
        "/certs/{mac}/{name}.pem",
        "/v1/nodes/{mac}/update",
        "/v1/nodes/{mac}/events",
        "/v1/update",
        "/v1/update/",
        "/healthz",
        "/readyz",
        "/ca.pem",
        "/assets/{path:path}",
        "/{channel}/{version}/{name}",
    }
    assert all(route.names is Names.OWN or route.who is Who.OPERATOR for route in ROUTES if route.path not in by_any)

"""Which addresses of the range are leased to nobody."""

from __future__ import annotations

from kboot.render.dhcp import kept_addresses
from unit.clusterdesc.sample import accepted, spoilt

_LEASED = (", ip: 10.10.14.201", "")


def kept(hosts: str, *changes: tuple[str, str]) -> list[str]:
    text = spoilt(("  routers:", f"  hosts: {{{hosts}}}\n  routers:"), *changes)
    return [str(each) for each in kept_addresses(accepted(text))]


def api_server(keys: str) -> tuple[str, str]:
    return "v1.36.2}", f"v1.36.2, api_server: {{{keys}}}}}"


def test_what_is_no_node_keeps_its_address() -> None:
    assert kept("printer: 10.10.14.30, far: 10.10.14.240") == ["10.10.14.30"]
    assert kept("printer: 10.10.14.30", api_server("addresses: [10.10.14.31]")) == ["10.10.14.30", "10.10.14.31"]


def test_a_leased_machine_keeps_the_address_that_its_own_name_was_given() -> None:
    assert kept("printer: 10.10.14.30, node1: 10.10.14.31") == ["10.10.14.30", "10.10.14.31"]
    assert kept("printer: 10.10.14.30, node1: 10.10.14.31", _LEASED) == ["10.10.14.30"]


def test_a_leased_control_plane_keeps_the_address_that_the_endpoint_was_given() -> None:
    reached = api_server("endpoint: k8s.site.example, addresses: [10.10.14.31]")
    assert kept("k8s.site.example: 10.10.14.31", reached) == ["10.10.14.31"]
    assert kept("printer: 10.10.14.30, k8s.site.example: 10.10.14.31", reached, _LEASED) == ["10.10.14.30"]
    assert kept("api.ail.example.com: 10.10.14.31", _LEASED) == []

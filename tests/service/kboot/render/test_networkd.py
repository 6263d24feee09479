"""What the real systemd-networkd makes of the links of a server."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from kboot.host.waiting import looks
from kboot_clusterdesc import ClusterDesc, Node, load
from support.namespace import cabled, ip
from support.networkd import Networkd, files_of
from support.places import EXAMPLES, GOLDEN_RENDERS

_DESC = load(GOLDEN_RENDERS / "links" / "cluster.yaml")
_NODES = {node.name: node for node in _DESC.nodes}
_RACK = load(EXAMPLES / "servers.yaml")
_COMPLAINT = re.compile(r"unknown|failed to parse|ignoring|invalid|not supported in section", re.IGNORECASE)
_NO_DEVICE = "Operation not supported"  # a kernel without bonds or VLANs


def complaints(log: str) -> list[str]:
    """What systemd-networkd says against files, apart from devices that the kernel cannot make."""
    return [line for line in log.splitlines() if _COMPLAINT.search(line) and _NO_DEVICE not in line]


@contextmanager
def server(node: Node, folder: Path) -> Iterator[Networkd]:
    """A machine with the cards of a node, each cabled, and one more that nobody names."""
    cards = {**{name: str(mac) for name, mac in node.all_cards.items()}, "unnamed": "02:00:00:00:00:99"}
    with cabled({f"t-{name}": f"169.254.{i}.1/24" for i, name in enumerate(cards)}, "links") as (_, machine):
        for name, mac in cards.items():
            ip("-n", machine.name, "link", "set", f"t-{name}", "down")
            ip("-n", machine.name, "link", "set", f"t-{name}", "address", mac)
        yield Networkd(machine, folder)


def until_addressed(machine: Networkd, card: str, wanted: list[str]) -> None:
    """Wait until a card has exactly these addresses."""
    for _ in looks(30, 0.2):
        if machine.addresses(card) == wanted:
            return
    raise AssertionError(f"{card}: {machine.addresses(card)}, not {wanted}: {machine.log.read_text()}")


def until_configured(machine: Networkd) -> str:
    """Wait until it has looked at all cards; return its log."""
    for _ in looks(30, 0.2):
        log = machine.log.read_text()
        if "Enumeration completed" in log:
            return log
    raise AssertionError(log)


@pytest.mark.parametrize(
    ("desc", "node"),
    [*((_DESC, node) for node in _DESC.nodes), (_RACK, _RACK.nodes[0])],
    ids=lambda each: getattr(each, "name", "of"),
)
def test_networkd_takes_every_file_without_a_complaint(desc: ClusterDesc, node: Node, tmp_path: Path) -> None:
    with server(node, tmp_path) as machine, machine.started(files_of(desc, node)):
        assert complaints(until_configured(machine)) == []


def test_a_key_that_networkd_does_not_know_is_complained_of(tmp_path: Path) -> None:
    files = files_of(_DESC, _NODES["bonded"])
    path = "/etc/systemd/network/10-kboot-bond0.netdev"
    for old, new in (("LACPTransmitRate=", "LacpTransmitRate="), ("Mode=802.3ad", "Mode=lacp")):
        assert old in files[path]
        spoilt = {**files, path: files[path].replace(old, new)}
        with server(_NODES["bonded"], tmp_path / new) as machine, machine.started(spoilt):
            assert len(complaints(until_configured(machine))) == 1


def test_addresses_and_the_default_route_are_on_the_declared_cards(tmp_path: Path) -> None:
    with server(_NODES["router"], tmp_path) as machine, machine.started(files_of(_DESC, _NODES["router"])):
        until_addressed(machine, "t-boot", ["10.10.14.203/24"])
        until_addressed(machine, "t-public", ["192.0.2.20/28"])
        for _ in looks(30, 0.2):
            if routes := machine.ip_json("-4", "route", "show", "default"):
                break
        assert [(route["gateway"], route["dev"]) for route in routes] == [("192.0.2.17", "t-public")]


def test_a_card_of_which_nothing_is_said_stays_as_it_is_where_the_os_would_ask_by_dhcp(tmp_path: Path) -> None:
    default = {"/etc/systemd/network/zz-default.network": "[Match]\nName=t-*\n\n[Network]\nDHCP=yes\n"}
    node = _NODES["router"]
    with server(node, tmp_path) as machine, machine.started({**default, **files_of(_DESC, node)}):
        until_addressed(machine, "t-public", ["192.0.2.20/28"])
        touched = re.findall(r"^t-(\S+): Configuring with", machine.log.read_text(), re.MULTILINE)
        assert {"boot", "public"} <= set(touched)
        assert not {"spare", "unnamed"} & set(touched)


def test_a_restart_takes_no_static_address_away_and_no_route_of_pods(tmp_path: Path) -> None:
    """As at `kboot node apply`, and in cloud-config mode at each boot."""
    files = files_of(_DESC, _NODES["router"])
    with server(_NODES["router"], tmp_path) as machine:
        with machine.started(files):
            for card in ("t-boot", "t-public"):
                machine.until_set_up(card)
        for pods, router in (("10.1.3.0/24", "10.10.14.201"), ("10.1.4.0/24", "192.0.2.21")):
            ip("-n", machine.machine.name, "route", "add", pods, "via", router)
        with machine.changes(tmp_path) as seen, machine.started(files):
            for card in ("t-boot", "t-public"):
                machine.until_set_up(card)
            assert "Deleted" not in seen.read_text()
        routes = machine.ip_json("-4", "route", "show")
        assert {"10.1.3.0/24", "10.1.4.0/24", "default"} <= {route["dst"] for route in routes}

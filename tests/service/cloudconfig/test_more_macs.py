"""A node with several cards is one machine, whichever of them boots or asks; and cards that are no machine."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from kboot.host.waiting import looks
from kboot_clusterdesc import Mac

from .conftest import HEAD, HOME, NODE1, NODE2, STRANGER, Server

_DESCRIPTION = (
    HEAD
    + """\
os: {channel: stable, version: current, config: CONFIG, update: {enabled: true}}
nodes:
  - {mac: "52:54:00:00:00:01", more_macs: ["52:54:00:00:00:99"], name: node1, roles: [worker]}
  - {mac: "52:54:00:00:00:02", roles: [worker]}
"""
)


@pytest.fixture
def two_cards(tmp_path: Path) -> Iterator[Server]:
    """A server whose node1 has a second card, and only that has a lease yet."""
    made = Server(tmp_path, "ignition", _DESCRIPTION)
    made.lease(NODE2, STRANGER)
    made.start()
    made.wait_phase(NODE1, "leased")
    yield made
    made.stop()


def test_a_machine_installs_by_its_other_card(two_cards: Server) -> None:
    script = two_cards.get(f"/boot/{STRANGER.dashed}.ipxe", who=STRANGER).text
    assert f"/install.sh?mac={NODE1.dashed}&boot=" in script
    node = two_cards.node(STRANGER)
    assert (node["mac"], node["phase"], node["ip"]) == (NODE1, "booting", HOME[STRANGER])
    assert "&boot=" in two_cards.get("/pxelinux.cfg/default", who=STRANGER).text
    token = two_cards.install_token(NODE1, STRANGER)
    path = f"/ignition/{NODE1.dashed}.json"
    assert two_cards.get(path, who=NODE2, tls=True, token=token).status_code == 403
    assert two_cards.get(path, who=STRANGER, tls=True, token=token).status_code == 200
    assert two_cards.report(STRANGER, "installed", token).status_code == 204
    assert "kernel http" not in two_cards.get(f"/boot/{STRANGER.dashed}.ipxe", who=STRANGER).text


def test_each_leased_card_is_an_own_address_and_none_is_discovered(two_cards: Server) -> None:
    two_cards.lease(NODE1, NODE2, STRANGER)
    for card in (NODE1, STRANGER):
        script = two_cards.get(f"/install.sh?mac={card}", who=card).text
        assert "KBOOT_ARMED=yes" in script
        assert f"KBOOT_MAC={NODE1}\n" in script
    assert two_cards.node(NODE1)["ip"] == HOME[NODE1]
    state = two_cards.get("/v1/nodes").json()
    assert state["discovered"] == []
    assert [node["more_macs"] for node in state["nodes"]] == [[STRANGER], []]


def test_a_fixed_machine_that_runs_is_reached_at_its_own_address_whichever_card_has_a_lease(two_cards: Server) -> None:
    fixed = _DESCRIPTION.replace("name: node1,", "name: node1, ip: 10.10.14.11,")
    two_cards.describe(fixed.replace("CONFIG", "ignition"))
    assert two_cards.node(NODE1)["ip"] == "10.10.14.11"
    two_cards.get(f"/boot/{STRANGER.dashed}.ipxe", who=STRANGER)
    token = two_cards.install_token(NODE1, STRANGER)
    assert two_cards.node(NODE1)["ip"] == HOME[STRANGER]
    path = f"/ignition/{NODE1.dashed}.json"
    assert two_cards.get(path, who=STRANGER, tls=True, token=token).status_code == 200
    assert two_cards.report(STRANGER, "installed", token).status_code == 204
    assert two_cards.node(NODE1)["ip"] == "10.10.14.11"
    two_cards.report(STRANGER, "running", two_cards.secrets.report_tokens[NODE1])
    node = two_cards.node(NODE1)
    assert (node["phase"], node["ip"]) == ("running", "10.10.14.11")
    two_cards.lease(NODE1, STRANGER)  # its own card is the one that boots
    assert two_cards.node(NODE1)["ip"] == HOME[NODE1]


def test_what_is_to_be_ignored_is_neither_listed_nor_booted(two_cards: Server) -> None:
    bmc = Mac("52:54:00:00:00:98")
    leases = two_cards.folder.leases / "dnsmasq.leases"
    leases.write_text(leases.read_text() + f"{int(time.time()) + 3600} {bmc} 127.0.0.98 * *\n")
    for _ in looks(30, 0.1):
        if two_cards.get("/v1/nodes").json()["discovered"]:
            break
    ignoring = _DESCRIPTION.replace("CONFIG", "ignition") + 'ignore: ["52:54:00:00:00:98"]\n'
    two_cards.describe(ignoring)
    assert two_cards.get("/v1/nodes").json()["discovered"] == []
    assert "kboot_machines_discovered 0.0\n" in two_cards.get("/metrics").text
    assert two_cards.get(f"/boot/{bmc}.ipxe", who="127.0.0.98").status_code == 404

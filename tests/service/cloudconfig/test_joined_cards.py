"""Where unknown machines join, no card of a known machine is a stranger's."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from kboot.host.waiting import looks
from kboot_clusterdesc import Mac

from .conftest import HEAD, HOME, NODE1, NODE2, STRANGER, Server
from .test_joining import boot, installed, reported

_HEAD = HEAD + "kubernetes: {version: v1.36.2}\nunknown_machines: worker\nos: {config: ignition}\nnodes:\n"
_OTHER = Mac("52:54:00:00:00:96")
_FREE = Mac("52:54:00:00:00:95")
HOME.setdefault(_OTHER, "127.0.0.96")
HOME.setdefault(_FREE, "127.0.0.95")


def described(*workers: tuple[Mac, ...]) -> str:
    """A description of a control plane and of workers that have these cards, the one each is known by first."""
    control_plane = f"  - {{mac: '{NODE2}', name: control, roles: [control-plane, etcd]}}\n"
    lines = (
        f"  - {{mac: '{mac}', more_macs: {[str(each) for each in more]}, name: node{number}, roles: [worker]}}\n"
        for number, (mac, *more) in enumerate(workers, 1)
    )
    return _HEAD + control_plane + "".join(lines)


@pytest.fixture
def opened(tmp_path: Path) -> Iterator[Server]:
    """A server that lets machines in, with a control plane and a worker of two cards; each card has a lease."""
    made = Server(tmp_path, "ignition", described((NODE1, _OTHER)))
    made.lease(NODE1, NODE2, STRANGER, _OTHER, _FREE)
    made.start()
    made.wait_phase(NODE1, "leased")
    yield made
    assert made.stop() == 0, made.log.read_text()


def nodes(server: Server) -> list[str]:
    """The MAC of each node."""
    return [node["mac"] for node in server.get("/v1/nodes").json()["nodes"]]


def recarded(server: Server, *workers: tuple[Mac, ...]) -> None:
    """Put workers with these cards into force, and wait until they are."""
    server.describe(described(*workers))
    known = [NODE2, *(cards[0] for cards in workers)]
    for _ in looks(10, 0.1):
        if nodes(server) == known:
            return
    raise AssertionError(f"{nodes(server)} are nodes, and not {known}")


def tell_cards(server: Server, mac: Mac, *cards: Mac) -> None:
    """Have a machine tell that it has these cards."""
    told = [
        {"name": f"eth{number}", "mac": card, "link": "up", "speed_mbit": None, "driver": ""}
        for number, card in enumerate(cards)
    ]
    server.rewrite(mac, lambda state: state.update(cards=told))


def test_a_card_that_a_machine_was_known_by_does_not_join_as_a_stranger(opened: Server) -> None:
    opened.install(NODE1)
    tell_cards(opened, NODE1, NODE1, _OTHER)
    recarded(opened, (_OTHER, NODE1))
    recarded(opened, (_OTHER,))
    answer = opened.get(f"/boot/{NODE1.dashed}.ipxe", who=NODE1)
    assert (answer.status_code, nodes(opened)) == (404, [NODE2, _OTHER])
    assert "LOCALBOOT -1\n" in opened.get("/pxelinux.cfg/default", who=NODE1).text
    refused = [event for event in opened.events() if event["kind"] == "refused"]
    assert [(event["mac"], event["reason"]) for event in refused] == [(NODE1, "card-of-another")]
    assert opened.node(_OTHER)["armed"] is False


def test_a_machine_that_joined_by_one_card_does_not_join_by_another(opened: Server) -> None:
    boot(opened)
    tell_cards(opened, STRANGER, STRANGER, _FREE)
    answer = opened.get(f"/boot/{_FREE.dashed}.ipxe", who=_FREE)
    assert (answer.status_code, nodes(opened)) == (404, [NODE2, NODE1, STRANGER])


def test_that_a_machine_joined_follows_it_to_the_card_by_which_it_is_declared(opened: Server) -> None:
    given = installed(opened)
    tell_cards(opened, STRANGER, STRANGER, _FREE)
    recarded(opened, (NODE1,), (_FREE, STRANGER))
    assert reported(opened, given) == 204
    assert (opened.node(_FREE)["phase"], opened.node(_FREE)["armed"]) == ("running", False)
    recarded(opened, (NODE1,), (_FREE,))
    assert opened.get(f"/boot/{STRANGER.dashed}.ipxe", who=STRANGER).status_code == 404
    opened.stop(kill=True)
    opened.start()
    assert nodes(opened) == [NODE2, NODE1, _FREE]
    assert opened.get(f"/boot/{STRANGER.dashed}.ipxe", who=STRANGER).status_code == 404
    recarded(opened, (NODE1,), (_FREE, STRANGER))
    assert reported(opened, given) == 204


def test_the_first_install_of_a_machine_that_joined_goes_on_by_the_card_with_which_it_is_declared(
    opened: Server,
) -> None:
    boot(opened)
    tell_cards(opened, STRANGER, STRANGER, _FREE)
    phase = opened.node(STRANGER)["phase"]
    recarded(opened, (NODE1,), (_FREE, STRANGER))
    node = opened.node(_FREE)
    assert (node["phase"], node["armed"], node["reason"]) == (phase, True, None)
    assert "kernel http" in opened.get(f"/boot/{STRANGER.dashed}.ipxe", who=STRANGER).text

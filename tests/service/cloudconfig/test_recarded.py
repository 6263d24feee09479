"""A machine whose description names another of its cards as the first stays what it was, or is not armed."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from kboot.host.waiting import looks
from kboot_clusterdesc import Mac

from .conftest import HEAD, HOME, NODE1, NODE2, STRANGER, Server

_HEAD = HEAD + "os: {channel: stable, version: current, config: ignition, update: {enabled: true}}\nnodes:\n"
_FOURTH = Mac("52:54:00:00:00:98")
_NEW = Mac("52:54:00:00:00:97")
HOME.setdefault(_FOURTH, "127.0.0.98")
HOME.setdefault(_NEW, "127.0.0.97")
_DOUBT = "not armed: its cards were declared anew, and it may be installed already"


def described(*nodes: tuple[Mac, ...]) -> str:
    """A description whose nodes have these cards, the one that each is known by first."""
    lines = (
        f"  - {{mac: '{mac}', more_macs: {[str(each) for each in more]}, name: node{number}, roles: [worker]}}\n"
        for number, (mac, *more) in enumerate(nodes, 1)
    )
    return _HEAD + "".join(lines)


@pytest.fixture
def served(tmp_path: Path) -> Iterator[Server]:
    """A server with two nodes of two cards each; the first one runs, the second one is armed."""
    made = Server(tmp_path, "ignition", described((NODE1, STRANGER), (NODE2, _FOURTH)))
    made.lease(NODE1, STRANGER, NODE2, _FOURTH)
    made.start()
    made.install(NODE1)
    report(made, NODE1, made.secrets.report_tokens[NODE1])
    yield made
    assert made.stop() == 0, made.log.read_text()


def report(server: Server, mac: Mac, token: str) -> None:
    """Tell that it runs, as its config says that it is called."""
    assert server.report(mac, "running", token, version="3975.2.0").status_code == 204


def recarded(server: Server, *nodes: tuple[Mac, ...]) -> None:
    """Put other cards into force, and wait until they are."""
    server.describe(described(*nodes))
    known = [nodes[number][0] for number in range(len(nodes))]
    for _ in looks(30, 0.1):
        if [node["mac"] for node in server.get("/v1/nodes").json()["nodes"]] == known:
            return


def is_installed_by(server: Server, *cards: Mac) -> bool:
    """Whether a network boot by one of these cards installs the machine."""
    return any("kernel http" in server.get(f"/boot/{card.dashed}.ipxe", who=card).text for card in cards)


def test_a_machine_that_runs_is_not_installed_by_the_other_order_of_its_cards(served: Server) -> None:
    token = served.secrets.report_tokens[NODE1]
    recarded(served, (STRANGER, NODE1), (NODE2, _FOURTH))
    node = served.node(STRANGER)
    assert (node["mac"], node["armed"], node["phase"], node["version"]) == (STRANGER, False, "running", "3975.2.0")
    assert not is_installed_by(served, STRANGER, NODE1)
    report(served, NODE1, token)
    events = served.get(f"/v1/events?mac={STRANGER}&wait=0").text
    assert '"kind":"installed"' in events.replace(" ", "")
    recarded(served, (NODE1, STRANGER), (NODE2, _FOURTH))
    assert (served.node(NODE1)["phase"], served.node(NODE1)["armed"]) == ("running", False)


def test_when_a_machine_was_heard_of_is_kept_by_a_server_that_hands_over(served: Server) -> None:
    recarded(served, (STRANGER, NODE1), (NODE2, _FOURTH))
    served.hand_over()
    assert (served.node(STRANGER)["phase"], served.node(STRANGER)["armed"]) == ("running", False)
    assert "Traceback" not in served.log.read_text()


def test_what_follows_a_machine_outlasts_the_server(served: Server) -> None:
    recarded(served, (STRANGER, NODE1), (NODE2, _FOURTH))
    served.stop(kill=True)
    served.start()
    assert (served.node(STRANGER)["phase"], served.node(STRANGER)["armed"]) == ("running", False)
    assert not is_installed_by(served, STRANGER, NODE1)


def test_a_machine_that_told_its_cards_is_known_where_the_server_was_off_meanwhile(served: Server) -> None:
    card = {"name": "eth1", "mac": STRANGER, "link": "up", "speed_mbit": None, "driver": ""}
    served.rewrite(NODE1, lambda state: state.update(cards=[card]))
    served.stop()
    served.describe(described((STRANGER, NODE1), (NODE2, _FOURTH)))
    served.start()
    assert (served.node(STRANGER)["phase"], served.node(STRANGER)["armed"]) == ("running", False)


def test_a_machine_of_which_nothing_tells_that_it_is_the_same_is_not_armed_and_says_why(served: Server) -> None:
    served.stop()
    served.describe(described((STRANGER, NODE1), (NODE2, _FOURTH)))
    served.start()
    node = served.node(STRANGER)
    assert (node["armed"], node["reason"], node["version"]) == (False, _DOUBT, None)
    assert not is_installed_by(served, STRANGER, NODE1)
    assert served.arm(STRANGER).status_code == 200
    served.hand_over()
    assert served.node(STRANGER)["armed"], "the operator armed it, and no later look undoes that"


def test_a_machine_that_is_known_by_its_other_card_alone_stays_what_it_was(served: Server) -> None:
    recarded(served, (STRANGER,), (NODE2, _FOURTH))
    assert (served.node(STRANGER)["phase"], served.node(STRANGER)["armed"]) == ("running", False)


def test_a_machine_whose_first_card_is_replaced_stays_what_it_was(served: Server) -> None:
    recarded(served, (_NEW, STRANGER), (NODE2, _FOURTH))
    assert (served.node(_NEW)["phase"], served.node(_NEW)["armed"]) == ("running", False)
    assert not is_installed_by(served, STRANGER)


def test_a_machine_reports_by_a_card_that_is_out_of_it_while_that_is_named(served: Server) -> None:
    token = served.secrets.report_tokens[NODE1]
    recarded(served, (_NEW, STRANGER, NODE1), (NODE2, _FOURTH))
    path, body = f"/v1/nodes/{NODE1}/events", {"phase": "running", "version": "3976.0.0"}
    assert served.ask("POST", path, who=STRANGER, tls=True, token=token, body=body).status_code == 204
    assert served.node(_NEW)["version"] == "3976.0.0"


def test_a_machine_reports_by_the_mac_of_its_config_until_it_has_another_though_no_node_has_that(
    served: Server,
) -> None:
    token = served.secrets.report_tokens[NODE1]
    recarded(served, (STRANGER,), (NODE2, _FOURTH))
    assert served.report(NODE1, "running", token, version="3976.0.0").status_code == 204
    assert served.node(STRANGER)["version"] == "3976.0.0"
    served.stop(kill=True)
    served.start()
    body = {"state": "idle", "version": "3976.0.0", "boot": "0b" * 16}
    assert served.ask("POST", f"/v1/nodes/{NODE1}/update", tls=True, token=token, body=body).status_code == 200
    assert served.report(NODE1, "running", "another").status_code == 403
    assert [event["mac"] for event in served.events() if event["kind"] == "refused"] == [STRANGER]
    assert served.report(_NEW, "running", token).status_code == 404
    assert served.get(f"/v1/nodes/{NODE1}").status_code == 404


def test_nodes_whose_cards_were_mixed_up_are_not_armed_once_that_is_put_right(served: Server) -> None:
    served.install(NODE2)
    report(served, NODE2, served.secrets.report_tokens[NODE2])
    recarded(served, (STRANGER, _FOURTH), (NODE1, NODE2))
    assert (served.node(STRANGER)["armed"], served.node(STRANGER)["reason"]) == (False, _DOUBT)
    assert (served.node(NODE1)["armed"], served.node(NODE1)["phase"]) == (False, "running")
    assert not is_installed_by(served, NODE1, NODE2, STRANGER, _FOURTH)


def test_nodes_that_share_the_cards_of_one_do_not_both_become_it(served: Server) -> None:
    recarded(served, (STRANGER,), (_NEW, NODE1))
    assert [served.node(mac)["reason"] for mac in (STRANGER, _NEW)] == [_DOUBT, _DOUBT]
    assert not is_installed_by(served, STRANGER, NODE1)


def test_a_machine_that_told_its_cards_is_known_by_another_one_alone_too(served: Server) -> None:
    card = {"name": "eth1", "mac": STRANGER, "link": "up", "speed_mbit": None, "driver": ""}
    served.rewrite(NODE1, lambda state: state.update(cards=[card]))
    served.stop()
    served.describe(described((STRANGER,), (NODE2, _FOURTH)))
    served.start()
    assert (served.node(STRANGER)["phase"], served.node(STRANGER)["armed"]) == ("running", False)


def test_a_machine_that_told_of_a_card_is_known_by_it_also_while_the_server_runs(served: Server) -> None:
    card = {"name": "eth2", "mac": _NEW, "link": "up", "speed_mbit": None, "driver": ""}
    served.rewrite(NODE1, lambda state: state.update(cards=[card]))
    assert served.node(NODE1)["phase"] == "running"
    recarded(served, (_NEW,), (NODE2, _FOURTH))
    assert (served.node(_NEW)["phase"], served.node(_NEW)["armed"]) == ("running", False)
    assert not is_installed_by(served, _NEW)


def test_nodes_that_swap_cards_mix_no_states(served: Server) -> None:
    is_installed_by(served, NODE2)  # it was booted once to be installed, and may be under way
    token = served.secrets.report_tokens[NODE1]
    recarded(served, (STRANGER, NODE2), (_FOURTH, NODE1))
    for mac in (STRANGER, _FOURTH):
        node = served.node(mac)
        assert (node["armed"], node["reason"], node["version"]) == (False, _DOUBT, None)
    assert not is_installed_by(served, NODE1, NODE2, STRANGER, _FOURTH)
    assert served.report(NODE1, "running", token).status_code == 403


def test_a_new_mainboard_and_a_machine_that_never_booted_are_armed(served: Server) -> None:
    recarded(served, (_NEW,), (_FOURTH, NODE2))
    assert served.node(_NEW)["armed"]
    assert served.node(_FOURTH)["armed"]


def test_a_card_of_a_node_that_left_while_it_was_armed_installs_no_machine_that_runs(served: Server) -> None:
    served.install(NODE2)
    assert served.arm(NODE2).status_code == 200
    recarded(served, (NODE1, STRANGER))
    recarded(served, (NODE2, NODE1))
    node = served.node(NODE2)
    assert (node["armed"], node["reason"]) == (False, _DOUBT)
    assert not is_installed_by(served, NODE1, NODE2)
    assert served.arm(NODE2).status_code == 200
    served.stop()
    served.start()
    assert served.node(NODE2)["armed"], "the operator armed it as the machine that it is now"


def test_a_card_of_a_node_that_left_amid_its_first_install_installs_no_machine_that_runs(served: Server) -> None:
    assert is_installed_by(served, NODE2)
    served.stop()
    served.describe(described((NODE2, NODE1)))
    served.start()
    assert (served.node(NODE2)["armed"], served.node(NODE2)["reason"]) == (False, _DOUBT)
    assert not is_installed_by(served, NODE1, NODE2)


def test_the_operators_word_holds_where_a_machine_told_of_the_card_that_is_described_no_more(served: Server) -> None:
    card = {"name": "eth2", "mac": _NEW, "link": "up", "speed_mbit": None, "driver": ""}
    served.rewrite(NODE1, lambda state: state.update(cards=[card]))
    recarded(served, (NODE2, _FOURTH))
    assert is_installed_by(served, NODE2)
    recarded(served, (NODE2, _NEW))
    assert (served.node(NODE2)["armed"], served.node(NODE2)["reason"]) == (False, _DOUBT)
    assert served.arm(NODE2).status_code == 200
    served.stop()
    served.start()
    assert served.node(NODE2)["armed"]

"""What machines tell of themselves: their cards, the log of an install that failed, units that have failed."""

from __future__ import annotations

import re
import sqlite3
from contextlib import closing
from html import unescape
from typing import Any

import pytest

from .conftest import NODE1, NODE2, Server

CARD = {"name": "eno1", "mac": "0c:c4:7a:82:c5:b8", "link": "up", "speed_mbit": 10000, "driver": "ixgbe"}
DISK = {"name": "/dev/sda", "id": "", "model": "", "serial": "", "size_bytes": 1, "holds": ""}
UNIT = {"name": "etcd.service", "lines": ["starting", "no space left on device"]}
HOSTILE = "\x1b]0;title\x07\x1b[31m<script>alert(1)</script>\x1b[0m\u202e\x9b2J & \"x\"\t'y'"
SHOWN = "<script>alert(1)</script>2J & \"x\" 'y'"


def words(server: Server, section: str) -> str:
    """The text of a section of the machine's page."""
    page = server.get(f"/machines/{NODE1.dashed}").text
    found = re.search(rf'<section id="{section}".*?</section>', page, re.DOTALL)
    return unescape(re.sub(r"<[^>]+>", "", found[0])) if found else ""


def test_cards_are_shown_beside_the_disks_and_stay_until_others_are_told(server: Server) -> None:
    assert server.node(NODE1)["cards"] == []
    assert words(server, "cards") == ""
    token = server.install_token(NODE1)
    other = {"name": "eno2", "mac": "0c:c4:7a:82:c5:b9", "link": "down", "driver": ""}
    assert server.report(NODE1, "installing", token, disks=[DISK], cards=[CARD, other]).status_code == 204
    server.report(NODE1, "installing", token, bytes=1)
    server.stop()
    server.start()
    assert server.node(NODE1)["cards"] == [CARD, {**other, "speed_mbit": None}]
    assert "eno1 0c:c4:7a:82:c5:b8 link up at 10000 Mb/s ixgbe" in words(server, "cards")
    assert "eno2 0c:c4:7a:82:c5:b9 link down" in words(server, "cards")
    server.report(NODE1, "failed", token)
    server.arm(NODE1)
    token = server.install_token(NODE1)
    server.report(NODE1, "installing", token, disks=[DISK])
    assert len(server.node(NODE1)["cards"]) == 2, "an older install.sh tells none"
    server.report(NODE1, "installing", token, cards=[CARD])
    assert (server.node(NODE1)["cards"], server.node(NODE1)["disks"]) == ([CARD], [DISK])
    assert server.get("/v1/nodes").json()["nodes"][0]["cards"] == [CARD]


def _state(server: Server) -> tuple[str, str | None]:
    node = server.node(NODE1)
    return node["phase"], node["reason"]


def test_why_the_last_try_failed_is_said_until_the_next_one_is_past_that(server: Server) -> None:
    no_disk, bad_image = "install_disk /dev/sdz does not exist on this machine", "gpg: BAD signature"
    again = "it tries again, its last try failed: "
    server.report(NODE1, "failed", server.install_token(NODE1), detail=no_disk)
    server.get(f"/boot/{NODE1.dashed}.ipxe", who=NODE1)
    assert _state(server) == ("booting", f"{again}{no_disk}")
    token = server.install_token(NODE1)
    assert _state(server) == ("installing", f"{again}{no_disk}")
    assert [step["command"] for step in server.node(NODE1)["next"]] == [None, None, "kboot up FILE"]
    server.get(f"/ignition/{NODE1.dashed}.json", who=NODE1, tls=True, token=token)
    assert _state(server) == ("configured", None), "it has taken a disk"
    server.report(NODE1, "failed", token, detail=bad_image)
    token = server.install_token(NODE1)
    server.get(f"/ignition/{NODE1.dashed}.json", who=NODE1, tls=True, token=token)
    server.report(NODE1, "installing", token, bytes=1)
    server.stop(kill=True)
    server.start()
    assert _state(server) == ("configured", f"{again}{bad_image}")
    server.report(NODE1, "installed", token)
    assert _state(server) == ("installed", None)


def test_the_log_of_an_install_that_failed_stays_until_one_succeeds(server: Server) -> None:
    token = server.install_token(NODE1)
    assert server.report(NODE1, "failed", token, detail="no disk", log=["first", "second"]).status_code == 204
    server.report(NODE1, "failed", token, detail="no disk")  # as a machine tells it whose first report had no answer
    assert server.node(NODE1)["install_log"] == ["first", "second"]
    token = server.install_token(NODE1)
    server.report(NODE1, "installing", token, bytes=1)
    server.stop(kill=True)
    server.start()
    assert server.node(NODE1)["install_log"] == ["first", "second"]
    assert "The last 2 lines of the newest install that failed\nfirst\nsecond" in words(server, "told")
    listed = server.get("/v1/nodes").json()["nodes"][0]
    assert listed["install_log"] == [], "a list of nodes would be long"
    server.report(NODE1, "failed", token, detail="no disk")
    assert server.node(NODE1)["install_log"] == [], "of another failure"
    server.report(NODE1, "failed", token, log=["third"])
    server.arm(NODE1)
    server.install(NODE1)
    assert server.node(NODE1)["install_log"] == []
    assert words(server, "told") == ""


def test_units_that_failed_are_no_boot_and_are_shown_until_all_is_well_or_the_next_boot(server: Server) -> None:
    token = server.secrets.report_tokens[NODE1]
    server.report(NODE1, "running", token, config="0a" * 32, version="3975.2.0", detail="the clock was set")
    before, events = server.node(NODE1), len(server.events())
    assert server.report(NODE1, "running", token, failed_units=[UNIT]).status_code == 204
    node = server.node(NODE1)
    assert node["failed_units"] == [UNIT]
    same = ("phase", "since", "phases", "config", "version", "remark", "reason", "update")
    assert {key: node[key] for key in same} == {key: before[key] for key in same}
    assert len(server.events()) == events
    assert server.get("/v1/nodes").json()["nodes"][0]["failed_units"] == [{"name": "etcd.service", "lines": []}]
    assert "The last lines of etcd.service, which failed\nstarting\nno space left on device" in words(server, "told")
    server.stop(kill=True)
    server.start()
    assert server.node(NODE1)["failed_units"] == [UNIT]
    server.report(NODE1, "running", token, failed_units=[])
    assert server.node(NODE1)["failed_units"] == []
    server.report(NODE1, "running", token, failed_units=[UNIT])
    server.report(NODE1, "running", token)
    assert server.node(NODE1)["failed_units"] == [], "a boot"


def test_a_machine_that_is_to_be_installed_has_no_units_that_failed(server: Server) -> None:
    token = server.secrets.report_tokens[NODE1]
    server.report(NODE1, "running", token)
    server.report(NODE1, "running", token, failed_units=[UNIT])
    server.arm(NODE1)
    assert server.node(NODE1)["failed_units"] == []
    assert server.report(NODE1, "running", token, failed_units=[UNIT]).status_code == 204
    node = server.node(NODE1)
    assert (node["phase"], node["armed"], node["failed_units"]) == ("waiting", True, [])


def test_units_are_told_with_the_token_of_an_installed_machine_alone(server: Server) -> None:
    for token in (server.install_token(NODE1), server.secrets.report_tokens[NODE2], ""):
        assert server.report(NODE1, "running", token, failed_units=[UNIT]).status_code == 403


@pytest.mark.parametrize(
    ("phase", "fields", "where"),
    [
        ("failed", {"log": ["x"] * 41}, "log"),
        ("failed", {"log": ["x" * 401]}, "log.0"),
        ("failed", {"log": ["x" * 400] * 21}, "log"),
        ("failed", {"log": "text"}, "log"),
        ("running", {"failed_units": [UNIT] * 9}, "failed_units"),
        ("running", {"failed_units": [UNIT | {"name": "a b"}]}, "failed_units.0.name"),
        ("running", {"failed_units": [UNIT | {"name": ""}]}, "failed_units.0.name"),
        ("running", {"failed_units": [UNIT | {"lines": ["x"] * 11}]}, "failed_units.0.lines"),
        ("running", {"failed_units": [UNIT | {"lines": ["x" * 400] * 6}]}, "failed_units.0.lines"),
        ("running", {"failed_units": [UNIT | {"more": 1}]}, "failed_units.0.more"),
        ("installing", {"cards": [CARD] * 129}, "cards"),
        ("installing", {"cards": [CARD | {"link": "strong"}]}, "cards.0.link"),
        ("installing", {"cards": [CARD | {"mac": "none"}]}, "cards.0.mac"),
        ("installing", {"cards": [CARD | {"speed_mbit": -1}]}, "cards.0.speed_mbit"),
        ("installing", {"cards": [CARD | {"driver": "x" * 61}]}, "cards.0.driver"),
    ],
)
def test_what_is_malformed_or_too_long_is_refused_and_changes_nothing(
    standing: Server, phase: str, fields: dict[str, Any], where: str
) -> None:
    before = standing.node(NODE1)
    answer = standing.report(NODE1, phase, standing.secrets.report_tokens[NODE1], **fields)
    assert answer.status_code == 400
    assert answer.json()["detail"].startswith(f"{where}: ")
    assert standing.node(NODE1) | {"heard": None} == before | {"heard": None}


def test_what_a_machine_tells_is_text_without_anything_that_a_terminal_acts_on(server: Server) -> None:
    token = server.install_token(NODE1)
    server.report(NODE1, "installing", token, cards=[CARD | {"name": HOSTILE[:60], "driver": "\x1b[2J<b>"}])
    server.report(NODE1, "failed", token, log=[HOSTILE, "\x1b[0m", "  "])
    node = server.node(NODE1)
    assert node["install_log"] == [SHOWN], "and no blank line"
    assert node["cards"][0]["driver"] == "<b>"
    page = server.get(f"/machines/{NODE1.dashed}").text
    assert "<script>alert" not in page
    assert "&lt;script&gt;alert(1)" in page
    assert not [letter for letter in page if not letter.isprintable() and letter not in "\n"]


def test_secrets_in_what_a_machine_tells_are_left_out(server: Server) -> None:
    key = ["-----BEGIN OPENSSH PRIVATE KEY-----", "b3BlbnNzaC1rZXk=", "-----END OPENSSH PRIVATE KEY-----", "after"]
    body = "b3BlbnNzaC1rZXktdjEAAAAABG5vbmUAAAAEbm9uZQAAAAAAAAABAAAAMwAAAAtzc2gt"
    token = server.install_token(NODE1)
    server.report(
        NODE1, "failed", token, log=["Authorization: Bearer abc", *key, body, "password=correct-horse", "end"]
    )
    log = server.node(NODE1)["install_log"]
    assert log == ["Authorization: Bearer <secret>", "<secret>", "after", "<secret>", "password=<secret>", "end"]
    kept = (server.folder.state / "kboot.db-wal").read_bytes() + (server.folder.state / "kboot.db").read_bytes()
    assert b"correct-horse" not in kept
    assert body.encode() not in kept


def test_a_machine_that_an_older_kboot_knew_has_told_none_of_it(server: Server) -> None:
    server.report(NODE1, "running", server.secrets.report_tokens[NODE1])
    server.stop()
    with closing(sqlite3.connect(server.folder.state / "kboot.db")) as database:
        database.execute("UPDATE machines SET state = json_remove(state, '$.cards', '$.install_log', '$.failed_units')")
        database.commit()
    server.start()
    node = server.node(NODE1)
    assert (node["phase"], node["cards"], node["install_log"], node["failed_units"]) == ("running", [], [], [])

"""Machines with two cards in the boot network: known by the value in their boot script, wherever they ask from."""

from __future__ import annotations

import json
import re
from base64 import b64decode
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from kboot_clusterdesc import Mac

from .conftest import HOME, NODE1, NODE2, STRANGER, Server

_DESCRIPTION = """
apiVersion: kboot/v1
cluster: {name: unit, domain: unit.example.com}
network:
  bootstrapper: 127.0.0.253
  subnet: 127.0.0.0/24
  routers: [127.0.0.254]
  dhcp: {mode: serve, range: [127.0.0.2, 127.0.0.127]}
os: {channel: stable, version: current, config: CONFIG, update: {enabled: true}}
nodes:
  - {mac: "52:54:00:00:00:01", name: node1, roles: [worker], install_disk: /dev/vda}
  - {mac: "52:54:00:00:00:02", name: node2, ip: 127.0.0.12, roles: [worker]}
"""
_SECOND_CARD = "127.0.0.27"  # of node1, and its lease came first
_OUTSIDE = "127.0.1.27"
_READER = "127.0.0.66"  # an address of the subnet that is nobody's


@pytest.fixture
def rack(tmp_path: Path) -> Iterator[Server]:
    """A server of a subnet that our clients stand in; each machine has its lease."""
    made = Server(tmp_path, "ignition", _DESCRIPTION)
    made.lease(NODE1, NODE2, STRANGER)
    made.start()
    made.wait_phase(NODE1, "leased")
    yield made
    made.stop()


def _boot(server: Server, mac: Mac = NODE1, path: str | None = None) -> str:
    """What the kernel line of a boot asks for: install.sh, with the boot value."""
    return _asked(server.get(path or f"/boot/{mac.dashed}.ipxe", who=mac).text)


def _asked(script: str) -> str:
    found = re.search(r"cloud-config-url=http://127\.0\.0\.253(/install\.sh\?\S+)", script)
    assert found, script
    assert "&boot=" in found[1]
    return found[1]


def _unit(config: str) -> str:
    """The unit that Ignition makes of pxe.ign."""
    (unit,) = (unit for unit in json.loads(config)["systemd"]["units"] if unit["name"] == "kboot-install.service")
    return str(unit["contents"])


def _told(script: str, name: str) -> str:
    """The machine's own value, which comes after the empty one of all."""
    found: list[str] = re.findall(rf"^{name}=(.*)$", script, re.MULTILINE)
    return found[-1].strip("'")


def _refusals(server: Server) -> list[str]:
    return [event["reason"] for event in server.events() if event["kind"] == "refused"]


def _report_from(rack: Server, address: str, token: str) -> httpx.Response:
    path = f"/v1/nodes/{NODE1}/events"
    return rack.ask("POST", path, who=address, tls=True, token=token, body={"phase": "installed"})


def test_a_machine_installs_though_its_other_card_asks(rack: Server) -> None:
    script = rack.get(_boot(rack), who=_SECOND_CARD).text
    assert (_told(script, "KBOOT_ARMED"), _told(script, "KBOOT_CARDS")) == ("yes", NODE1)
    token = _told(script, "KBOOT_TOKEN")
    assert rack.get(f"/ignition/{NODE1.dashed}.json", who=NODE1, tls=True, token=token).status_code == 200
    assert rack.report(NODE1, "installed", token).status_code == 204
    node = rack.node(NODE1)
    assert (node["phase"], node["reason"], node["armed"]) == ("installed", None, False)
    assert _refusals(rack) == []


def test_a_machine_installs_though_its_other_card_alone_can_ask(rack: Server) -> None:
    token = _told(rack.get(_boot(rack), who=_SECOND_CARD).text, "KBOOT_TOKEN")
    assert rack.get(f"/ignition/{NODE1.dashed}.json", who=_SECOND_CARD, tls=True, token=token).status_code == 200
    for _ in range(2):  # the answer may get lost
        assert _report_from(rack, _SECOND_CARD, token).status_code == 204
    assert (rack.node(NODE1)["phase"], rack.node(NODE1)["reason"]) == ("installed", None)
    assert _refusals(rack) == []


def test_a_machine_whose_next_run_asks_by_its_own_card_is_not_told_of_as_its_own_thief(rack: Server) -> None:
    path = _boot(rack)
    token = _told(rack.get(path, who=_SECOND_CARD).text, "KBOOT_TOKEN")
    assert rack.report(NODE1, "failed", token, detail="no disk is large enough").status_code == 204
    assert _told(rack.get(path, who=NODE1).text, "KBOOT_TOKEN")
    assert rack.node(NODE1)["reason"] == "it tries again, its last try failed: no disk is large enough"
    assert _refusals(rack) == []


def test_no_other_address_names_the_disk_that_the_next_install_may_take_whatever_is_on_it(rack: Server) -> None:
    token = _told(rack.get(_boot(rack), who=_READER).text, "KBOOT_TOKEN")
    body = {"phase": "installing", "install_disk": "/dev/disk/by-id/ata-DATA_B2"}
    path = f"/v1/nodes/{NODE1}/events"
    for who, named in ((_READER, ""), (NODE1, body["install_disk"])):
        assert rack.ask("POST", path, who=who, tls=True, token=token, body=body).status_code == 204
        assert _told(rack.get("/install.sh", who=NODE1).text, "KBOOT_KNOWN_DISK") == named


def test_who_reads_the_boot_script_on_the_wire_is_told_of_and_hinders_no_install(rack: Server) -> None:
    path = _boot(rack)
    stolen = _told(rack.get(path, who=_READER).text, "KBOOT_TOKEN")
    assert stolen
    config = f"/ignition/{NODE1.dashed}.json"
    assert _told(rack.get(path, who=_SECOND_CARD).text, "KBOOT_ARMED") == "elsewhere"
    assert f"from {_SECOND_CARD}, with a boot value that another address showed" in rack.node(NODE1)["reason"]
    token = _told(rack.get(path, who=NODE1).text, "KBOOT_TOKEN")
    assert rack.node(NODE1)["reason"] == (
        f"its boot value was shown from {_READER} before {HOME[NODE1]} did: its other card, or who reads this network"
    )
    told = [(event["ip"], event["reason"]) for event in rack.events() if event["kind"] == "refused"]
    assert told == [
        (_SECOND_CARD, "replayed-boot-value"), (_READER, "replayed-boot-value")
    ]  # fmt: skip
    assert _told(rack.get(path, who=_READER).text, "KBOOT_TOKEN") == "", "it would make the machine's own token void"
    assert rack.get(config, who=NODE1, tls=True, token=token).status_code == 200
    for stale in (stolen, token):
        assert rack.get(config, who=_READER, tls=True, token=stale).status_code == 403
    assert rack.report(NODE1, "installed", token).status_code == 204


@pytest.mark.parametrize("path", [f"/boot/{NODE1}.ipxe", "/pxelinux.cfg/default"])
def test_ignition_in_memory_makes_the_machine_ask_with_its_value(rack: Server, path: str) -> None:
    script = rack.get(path, who=NODE1).text
    assert " flatcar.first_boot=1 " in script
    (pointer,) = re.findall(r" ignition\.config\.url=data:;base64,(\S+) ", script)
    source = json.loads(b64decode(pointer))["ignition"]["config"]["replace"]["source"]
    config = rack.get(source.removeprefix("http://127.0.0.253"), who=_SECOND_CARD)
    assert config.headers["content-type"] == "application/json"
    (asked,) = re.findall(r'"http://127\.0\.0\.253(/install\.sh\?[^"]+)"', _unit(config.text))
    assert _told(rack.get(asked, who=_SECOND_CARD).text, "KBOOT_ARMED") == "yes"


def test_pxe_ign_moves_no_machine_and_tells_no_more_than_was_asked_with(rack: Server) -> None:
    _boot(rack)
    before = rack.node(NODE1)
    for who in (NODE1, NODE2, STRANGER, _OUTSIDE):
        assert f'/install.sh?mac={NODE1.dashed}"' in _unit(rack.get(f"/pxe.ign?mac={NODE1}", who=who).text)
        assert '/install.sh"' in _unit(rack.get("/pxe.ign", who=who).text)
    after = rack.node(NODE1)
    assert {**after, "heard": None} == {**before, "heard": None}
    for shown in ("'; reboot; '", "$(reboot)", "a%0areboot", '"', "x" * 65, ""):
        assert f'/install.sh?mac={NODE1.dashed}"' in _unit(rack.get(f"/pxe.ign?mac={NODE1}&boot={shown}").text)


def test_a_machine_that_boots_by_pxelinux_has_its_value_too(rack: Server) -> None:
    script = rack.get(_boot(rack, path="/pxelinux.cfg/default"), who=_SECOND_CARD).text
    assert _told(script, "KBOOT_ARMED") == "yes"


def test_without_a_value_the_machines_own_address_is_what_counts(rack: Server) -> None:
    _boot(rack)
    assert _told(rack.get(f"/install.sh?mac={NODE1}", who=NODE1).text, "KBOOT_ARMED") == "yes"
    assert _told(rack.get("/install.sh", who=NODE1).text, "KBOOT_ARMED") == "yes"


def test_the_value_is_for_who_booted_and_not_for_who_asks(rack: Server) -> None:
    for who in ("127.0.0.1", NODE2, STRANGER, _SECOND_CARD, _OUTSIDE):
        assert "&boot=" not in rack.get(f"/boot/{NODE1}.ipxe", who=who).text
    assert "&boot=" not in rack.ask("HEAD", f"/boot/{NODE1}.ipxe", who=NODE1).text
    assert "&boot=" not in rack.get("/boot.ipxe", who=NODE1).text


def test_who_was_given_a_value_first_keeps_it(rack: Server) -> None:
    path = _boot(rack)
    for _ in range(2):  # an answer may get lost on its way
        assert _told(rack.get(path, who=_SECOND_CARD).text, "KBOOT_ARMED") == "yes"
    replayed = rack.get(path, who=_READER).text
    assert (_told(replayed, "KBOOT_ARMED"), _told(replayed, "KBOOT_TOKEN")) == ("elsewhere", "")
    assert "another address showed before: boot it again" in rack.node(NODE1)["reason"]
    assert _refusals(rack) == ["replayed-boot-value"]


def test_who_asks_without_end_is_told_of_once_a_minute_for_each_reason(rack: Server) -> None:
    path = _boot(rack)
    for _ in range(3):
        rack.get(path, who=NODE2)
        rack.get(f"/install.sh?mac={NODE1}&boot=x", who=_READER)
        rack.get(f"/install.sh?mac={NODE1}", who=_READER)
        rack.get(f"/ignition/{NODE1}.json", who=_READER, tls=True)
        rack.get(f"/boot/{NODE1}.ipxe", who=_READER)
    told = [(event["ip"], event["reason"]) for event in rack.events() if event["kind"] == "refused"]
    assert told == [(HOME[NODE2], "wrong-address"), (_READER, "void-boot-value"), (_READER, "wrong-address")]


def test_a_newer_boot_script_voids_the_value(rack: Server) -> None:
    old = _boot(rack)
    assert _told(rack.get(old, who=_SECOND_CARD).text, "KBOOT_ARMED") == "yes"
    new = _boot(rack)
    assert _told(rack.get(old, who=_SECOND_CARD).text, "KBOOT_TOKEN") == ""
    node = rack.node(NODE1)
    assert node["reason"] == (
        f"install.sh was asked for from {_SECOND_CARD}, with a boot value that is not good any more: boot it again"
    )
    assert _refusals(rack) == ["void-boot-value"]
    assert _told(rack.get(new, who=_SECOND_CARD).text, "KBOOT_ARMED") == "yes"


def test_who_asks_again_before_the_value_was_shown_has_the_same(rack: Server) -> None:
    path = _boot(rack)
    assert [_boot(rack) for _ in range(3)] == [path] * 3
    assert len([event for event in rack.events() if event["kind"] == "booting"]) == 1
    assert _boot(rack, NODE2).partition("boot=")[2] != path.partition("boot=")[2]
    rack.stop()
    rack.start()
    assert _boot(rack) != path, "it is kept as its hash alone"


@pytest.mark.parametrize("who", [_OUTSIDE, NODE2, "127.0.0.253", "127.0.0.254"])
def test_a_value_is_good_neither_outside_of_the_subnet_nor_at_the_address_of_a_node_the_bootstrapper_or_a_router(
    rack: Server, who: str | Mac
) -> None:
    assert _told(rack.get(_boot(rack), who=who).text, "KBOOT_TOKEN") == ""
    assert _refusals(rack) == ["wrong-address"]
    assert rack.node(NODE1)["reason"].startswith("install.sh was asked for from ")


def test_the_value_of_another_machine_opens_nothing(rack: Server) -> None:
    _boot(rack)
    taken = _boot(rack, NODE2).replace(NODE2.dashed, NODE1.dashed)
    for path in (taken, f"/install.sh?mac={NODE1}&boot=", f"/install.sh?mac={NODE1}&boot=%00", taken + "x" * 5000):
        assert _told(rack.get(path, who=_SECOND_CARD).text, "KBOOT_TOKEN") == ""


def test_nothing_is_given_for_a_value_after_the_install(rack: Server) -> None:
    path = _boot(rack)
    rack.install(NODE1)
    assert _told(rack.get(path, who=_SECOND_CARD).text, "KBOOT_ARMED") == "no"
    assert rack.arm(NODE1).status_code == 200
    assert _told(rack.get(path, who=_SECOND_CARD).text, "KBOOT_TOKEN") == ""


def test_what_is_shown_for_a_value_is_no_command_in_the_script(rack: Server) -> None:
    for shown in ("'; reboot; '", "$(reboot)", "a%0areboot", "`reboot`", "", "x" * 65):
        script = rack.get(f"/install.sh?mac={NODE1}&boot={shown}", who=_SECOND_CARD).text
        assert _told(script, "KBOOT_BOOT") == ""
        assert "reboot;" not in script


def test_the_value_is_in_neither_the_log_nor_the_database(rack: Server) -> None:
    path = _boot(rack)
    rack.get(path, who=_SECOND_CARD)
    value = path.partition("boot=")[2].encode()
    assert value not in rack.log.read_bytes()
    assert not any(value in file.read_bytes() for file in rack.folder.state.iterdir())


def test_a_value_is_void_after_a_week_and_a_restart_keeps_it(rack: Server) -> None:
    path = _boot(rack)
    rack.stop()
    rack.start()
    assert _told(rack.get(path, who=_SECOND_CARD).text, "KBOOT_ARMED") == "yes"
    rack.rewrite(NODE1, _three_days_older)  # the bootstrapper was away over a weekend
    assert _told(rack.get(path, who=_SECOND_CARD).text, "KBOOT_ARMED") == "yes"
    rack.rewrite(NODE1, _three_days_older)
    rack.rewrite(NODE1, _three_days_older)
    assert _told(rack.get(path, who=_SECOND_CARD).text, "KBOOT_TOKEN") == ""
    assert _refusals(rack) == ["void-boot-value"]


def test_an_install_under_an_older_kboot_goes_on_after_its_upgrade(rack: Server) -> None:
    token = _told(rack.get(_boot(rack), who=NODE1).text, "KBOOT_TOKEN")
    rack.rewrite(NODE1, _as_of_an_older_kboot)
    path = f"/ignition/{NODE1.dashed}.json"
    assert rack.get(path, who=_SECOND_CARD, tls=True, token=token).status_code == 403
    assert rack.get(path, who=NODE1, tls=True, token=token).status_code == 200
    assert rack.report(NODE1, "installed", token).status_code == 204


def _days_ago(text: str, days: int) -> str:
    return (datetime.fromisoformat(text) - timedelta(days=days)).isoformat()


def _three_days_older(state: dict[str, Any]) -> None:
    state["boot"]["given_at"] = _days_ago(state["boot"]["given_at"], 3)


def _as_of_an_older_kboot(state: dict[str, Any]) -> None:
    del state["boot"]
    state["token"]["given_to"] = _SECOND_CARD

"""What a rack costs the cloud-config server: by how much it does, never by how long that takes."""

from __future__ import annotations

import asyncio
import os
import time
from collections import Counter
from dataclasses import replace
from datetime import datetime, timedelta
from ipaddress import IPv4Address
from pathlib import Path

import httpx
import pytest

from kboot_cloudconfig import machine as life
from kboot_cloudconfig.app import create_app
from kboot_cloudconfig.boot_script import Install, install_of
from kboot_cloudconfig.disk import Disk
from kboot_cloudconfig.fleet import Fleet
from kboot_cloudconfig.lease_notes import LeaseNotes
from kboot_cloudconfig.nodes import fleet_state
from kboot_cloudconfig.presence_watch import PresenceWatch
from kboot_cloudconfig.refusals import TOLD_AT_MOST
from kboot_cloudconfig.rollout import Course, Stage
from kboot_cloudconfig.rollout_watch import RolloutWatch
from kboot_cloudconfig.self_report import saw_hardware
from kboot_cloudconfig.settings import settings_from
from kboot_cloudconfig.updater_notes import UpdaterNotes
from kboot_clusterdesc import Mac, Phase
from support.calls import calls_of

_HEAD = """
apiVersion: kboot/v1
cluster: {name: unit, domain: unit.example.com}
network:
  bootstrapper: 10.10.255.253
  subnet: 10.10.0.0/16
  dhcp: {mode: serve, range: [10.10.0.1, 10.10.3.250]}
os: {channel: stable}
nodes:
"""
_STRANGERS = 20


def _mac(number: int, kind: int = 0) -> Mac:
    return Mac(f"52:54:00:{kind:02x}:{number >> 8:02x}:{number & 255:02x}")


def _rack(folder: Path, nodes: int) -> Fleet:
    """The server's machines: each of two cards, all with a lease, and some that nobody declared."""
    for name in ("config", "leases", "images", "nodes"):
        (folder / name).mkdir(parents=True)
    lines = [
        f'  - {{mac: "{_mac(each)}", more_macs: ["{_mac(each, 1)}"], name: node{each}, roles: [worker]}}\n'
        for each in range(nodes)
    ]
    (folder / "config" / "clusterdesc.yaml").write_text(_HEAD + "".join(lines))
    macs = [_mac(each, 1) for each in range(nodes)] + [_mac(each, 2) for each in range(_STRANGERS)]
    later = int(time.time()) + 3600
    leases = (f"{later} {mac} 10.10.{at >> 8}.{at & 255} * *\n" for at, mac in enumerate(macs, 1))
    (folder / "leases" / "dnsmasq.leases").write_text("".join(leases))
    places = {"KBOOT_CONFIG_DIR": str(folder / "config"), "KBOOT_DATA_DIR": str(folder), "KBOOT_UID": str(os.getuid())}
    fleet = Fleet(settings_from(places))
    LeaseNotes(fleet).note()
    return fleet


@pytest.fixture
def racks(tmp_path: Path) -> tuple[Fleet, Fleet]:
    """A rack, and one of four times as many nodes."""
    return _rack(tmp_path / "small", 30), _rack(tmp_path / "large", 120)


def _total(calls: Counter[str]) -> int:
    return sum(calls.values())


def test_four_times_the_nodes_cost_four_times_as_much(racks: tuple[Fleet, Fleet]) -> None:
    small, large = racks
    assert _total(calls_of(LeaseNotes(large).note)) < 4.5 * _total(calls_of(LeaseNotes(small).note))
    assert _total(calls_of(lambda: fleet_state(large))) < 4.5 * _total(calls_of(lambda: fleet_state(small)))


def _asked_for(fleet: Fleet) -> None:
    """What each request of a machine asks first."""
    mac = fleet.identity(_mac(29, 1))
    fleet.is_near(mac, fleet.address_of(fleet.node(mac)))


def test_one_machine_costs_as_much_among_many_as_among_few(racks: tuple[Fleet, Fleet]) -> None:
    small, large = racks
    assert calls_of(lambda: _asked_for(large)) == calls_of(lambda: _asked_for(small))


def _tell_disks(fleet: Fleet) -> None:
    """Let each machine of the rack tell of two disks."""
    disk = Disk(name="/dev/sda", model="SSD 870", serial="A1", size_bytes=256060514304, holds="gpt ext4").kept()
    for node in fleet.nodes():
        machine = fleet.machine(node.mac)
        fleet.keep(machine, saw_hardware(machine, (disk, disk)))


def test_a_machine_is_parsed_once_in_the_life_of_the_server_and_its_disks_never(tmp_path: Path) -> None:
    fleet = _rack(tmp_path, 30)
    _tell_disks(fleet)
    fleet.store.close()
    again = Fleet(fleet.settings)
    again.desc()
    first = calls_of(lambda: fleet_state(again))
    assert first["from_json"] == 30
    assert first["BaseModel.__init__"] == 0
    later = calls_of(LeaseNotes(again).note) + calls_of(lambda: fleet_state(again))
    assert later["from_json"] == later["loads"] == 0
    assert fleet_state(again)["nodes"][0]["disks"][1]["serial"] == "A1"


def test_a_second_in_which_nothing_changes_asks_the_database_nothing(tmp_path: Path) -> None:
    fleet = _rack(tmp_path, 30)
    fleet.hear(_mac(1))
    fleet.keep_heard()
    updater = UpdaterNotes(fleet)
    calls = calls_of(LeaseNotes(fleet).note) + calls_of(updater.tell) + calls_of(fleet.keep_heard)
    assert {name: number for name, number in calls.items() if "execute" in name or "_transaction" in name} == {}
    assert fleet.store.heard().keys() == {_mac(1)}


def test_a_lease_that_changes_is_one_write(tmp_path: Path) -> None:
    fleet = _rack(tmp_path, 30)
    leases = tmp_path / "leases" / "dnsmasq.leases"
    stranger = str(_mac(0, 2))
    lines = [line for line in leases.read_text().splitlines() if stranger not in line]
    leases.write_text("\n".join([*lines, f"0 {stranger} 10.10.3.1 * *"]) + "\n")
    assert calls_of(LeaseNotes(fleet).note)["Connection.execute"] == 3  # its begin, the change, its commit
    assert [each.ip for each in fleet.discovered() if each.mac == stranger] == ["10.10.3.1"]


def test_a_second_looks_at_the_leases_that_changed_and_a_minute_at_all(tmp_path: Path) -> None:
    fleet = _rack(tmp_path, 30)
    leases, notes = tmp_path / "leases" / "dnsmasq.leases", LeaseNotes(fleet)
    notes.note()
    leases.write_text(leases.read_text().replace("10.10.0.1 *", "10.10.3.2 *"))
    assert calls_of(notes.note)["got_lease"] == 1
    assert calls_of(notes.note)["got_lease"] == 0
    notes.look_at_all()
    assert calls_of(notes.note)["got_lease"] == 30


def test_a_machine_that_waits_anew_is_leased_by_the_lease_that_it_has(tmp_path: Path) -> None:
    fleet = _rack(tmp_path, 2)
    notes = LeaseNotes(fleet)
    notes.note()
    fleet.store.save(life.arm(life.failed(fleet.machine(_mac(1)), "no disk", fleet.now()), fleet.now()))
    assert fleet.machine(_mac(1)).phase == "waiting"
    notes.note()
    assert fleet.machine(_mac(1)).phase == "leased"


def test_a_machine_has_its_reason_however_many_others_were_refused(tmp_path: Path) -> None:
    fleet, first = _rack(tmp_path, 2), IPv4Address("10.10.3.1")
    for number in range(TOLD_AT_MOST + 1):
        fleet.refuse(None, first + number, "wrong-address", "/install.sh")
    machine = fleet.machine(_mac(1))
    fleet.keep_reason(machine, life.asked_elsewhere(machine, "it has no lease"), first)
    assert fleet.machine(_mac(1)).reason == "it has no lease"


def test_a_rack_that_asks_for_its_boot_scripts_again_is_no_write(tmp_path: Path) -> None:
    fleet = _rack(tmp_path, 30)
    release = tmp_path / "images" / "stable" / "3975.2.0"
    release.mkdir(parents=True)
    for name in ("pxe.vmlinuz", "pxe_image.cpio.gz", "image.bin.bz2"):
        (release / f"flatcar_production_{name}").touch()
    (release / ".origin").write_text("flatcar amd64-usr\n")
    (release.parent / "current").symlink_to("3975.2.0")

    def boot() -> list[Install | None]:
        macs = [node.mac for node in fleet.nodes()]
        return [install_of(fleet, mac, fleet.address_of(fleet.node(mac))) for mac in macs]

    first = boot()
    assert len({install.boot for install in first if install}) == 30
    again: list[Install | None] = []
    assert calls_of(lambda: again.extend(boot()))["Store.save"] == 0
    assert again == first


def _answers(fleet: Fleet, *paths: str) -> list[tuple[str, httpx.Response]]:
    """What the server answers to requests that come at once, in the order in which they are done."""
    app, done = create_app(fleet), []

    async def ask(path: str) -> None:
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://localhost") as client:
            done.append((path, await client.get(path)))

    async def ask_all() -> None:
        await asyncio.gather(*map(ask, paths))

    asyncio.run(ask_all())
    return done


def test_all_nodes_are_answered_as_they_are_and_others_have_their_turn_meanwhile(tmp_path: Path) -> None:
    fleet = _rack(tmp_path, 250)
    order = _answers(fleet, "/v1/nodes", "/", "/healthz")
    assert next(path for path, _ in order) == "/healthz"
    answers = dict(order)
    assert answers["/v1/nodes"].json() == fleet_state(fleet)
    assert len(fleet_state(fleet)["nodes"]) == 250
    rows = [answers["/"].text.count(f'<a href="/machines/{node.mac.dashed}" tabindex') for node in fleet.nodes()]
    assert rows == [1] * 250


def test_a_node_is_made_text_again_only_where_it_changed(tmp_path: Path) -> None:
    fleet = _rack(tmp_path, 30)
    _answers(fleet, "/v1/nodes", "/")
    fleet.keep(fleet.machine(_mac(3)), life.failed(fleet.machine(_mac(3)), "no <disk>", fleet.now()))
    calls = calls_of(lambda: _answers(fleet, "/v1/nodes", "/"))
    assert calls["ShownNode.state"] == 2  # as JSON, and as a row
    assert "no &lt;disk&gt;" in dict(_answers(fleet, "/"))["/"].text


def test_who_is_heard_of_again_is_shown_so_and_nothing_of_it_is_made_anew(tmp_path: Path) -> None:
    fleet = _rack(tmp_path, 30)
    fleet.store.save(saw_hardware(fleet.machine(_mac(3)), ({"name": '"heard":null', "size_bytes": 1},)))
    _answers(fleet, "/v1/nodes", "/")
    fleet.hear(_mac(3))
    calls = calls_of(lambda: _answers(fleet, "/v1/nodes", "/"))
    assert calls["ShownNode.state"] == 0
    shown = dict(_answers(fleet, "/v1/nodes"))["/v1/nodes"].json()["nodes"][3]
    assert shown == fleet_state(fleet)["nodes"][3]
    assert datetime.fromisoformat(shown["heard"]) > fleet.now() - timedelta(minutes=5)


def test_a_rack_that_is_looked_at_again_has_no_time_written_anew_and_no_file_read_for_what_installed_nothing(
    tmp_path: Path,
) -> None:
    fleet = _rack(tmp_path, 30)
    for node in fleet.nodes():
        fleet.hear(node.mac)
    _answers(fleet, "/v1/nodes")
    calls = calls_of(lambda: _answers(fleet, "/v1/nodes"))
    assert calls["rfc3339"] < len(fleet.nodes()), "that of each stranger is"
    assert calls["SmallFiles.content"] == 0


def test_others_have_their_turn_while_the_leases_of_a_rack_are_noted(tmp_path: Path) -> None:
    fleet = _rack(tmp_path, 450)
    notes = LeaseNotes(fleet)
    assert len(list(notes.steps())) == (450 + _STRANGERS) // 200
    assert list(notes.steps()) == []


def test_a_round_of_looks_asks_the_clock_once_however_many_machines_there_are(tmp_path: Path) -> None:
    fleet = _rack(tmp_path, 250)
    asyncio.run(PresenceWatch(fleet).look())
    assert calls_of(lambda: asyncio.run(PresenceWatch(fleet).look()))["datetime.now"] == 1


def test_who_was_heard_of_is_kept_some_at_a_time(tmp_path: Path) -> None:
    fleet = _rack(tmp_path, 30)
    for number in range(7):
        fleet.hear(_mac(number))
    assert [fleet.keep_heard(3), fleet.keep_heard(3), fleet.keep_heard(3)] == [4, 1, 0]
    assert fleet.store.heard().keys() == {_mac(number) for number in range(7)}


def test_a_rack_that_is_up_to_date_is_not_looked_at_for_a_rollout(tmp_path: Path) -> None:
    fleet = _rack(tmp_path, 250)
    for node in fleet.nodes():
        fleet.store.save(replace(fleet.machine(node.mac), phase=Phase.RUNNING, armed=False, version="3975.2.0"))
    first = calls_of(lambda: asyncio.run(RolloutWatch(fleet).look()))
    assert (first["_member"], first["Fleet.machine"]) == (0, 0), "there is no release to come to"
    idle = fleet.rollouts.rollout
    for release, looked_at in (("3975.2.0", 0), ("4081.2.0", 250)):
        fleet.rollouts.keep(replace(idle, release=release))
        assert calls_of(lambda: asyncio.run(RolloutWatch(fleet).look()))["_member"] == looked_at
    course = Course(Stage.FAILED, fleet.now(), from_version="3975.2.0")
    fleet.rollouts.keep(replace(idle, release="3975.2.0", courses={_mac(1): course}))
    assert calls_of(lambda: asyncio.run(RolloutWatch(fleet).look()))["_member"] == 250

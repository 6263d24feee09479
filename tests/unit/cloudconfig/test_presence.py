"""What is said of a machine that runs and does not answer."""

from __future__ import annotations

import asyncio
import os
import socket
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from ipaddress import IPv4Address
from pathlib import Path

import pytest

from kboot_cloudconfig.event import rfc3339
from kboot_cloudconfig.fleet import Fleet
from kboot_cloudconfig.presence import Presence
from kboot_cloudconfig.presence_watch import PresenceWatch, answers
from kboot_cloudconfig.settings import settings_from
from kboot_clusterdesc import Mac, Phase
from support.calls import calls_of
from support.ports import free_port

NOW = datetime(2026, 1, 1, tzinfo=UTC)
MAC = Mac("52:54:00:00:00:01")
_DESCRIPTION = """
apiVersion: kboot/v1
cluster: {name: unit, domain: unit.example.com}
network: {bootstrapper: 127.0.0.1, subnet: 127.0.0.0/24, dhcp: {mode: "off"}}
os: {channel: stable}
nodes:
""" + "".join(
    f'  - {{mac: "52:54:00:00:00:0{each}", name: node{each}, ip: 127.0.0.1{each}, roles: [worker]}}\n'
    for each in range(1, 5)
)


def missing(*looks: bool) -> datetime | None:
    presence = Presence()
    for second, is_there in enumerate(looks):
        presence.note(MAC, NOW + timedelta(seconds=second), is_there=is_there)
    return presence.missing_since(MAC)


def test_a_machine_is_missing_since_it_was_last_there_after_two_looks_in_vain() -> None:
    assert missing(True, True, False, False) == NOW + timedelta(seconds=1)
    assert missing(True, False, False, False) == NOW
    for looks in ((), (True,), (True, False), (True, False, False, True), (True, False, True, False)):
        assert missing(*looks) is None


def test_who_is_heard_of_is_there_whether_it_answers_or_not() -> None:
    presence = Presence()
    for second, is_there in enumerate((True, False, False)):
        presence.note(MAC, NOW + timedelta(seconds=second), is_there=is_there)
    heard = NOW + timedelta(seconds=3)
    presence.hear(MAC, heard)
    assert presence.missing_since(MAC) is None
    for second in (4, 5):  # it went on, or filters what is asked
        assert presence.missing_since(MAC) is None
        presence.note(MAC, NOW + timedelta(seconds=second), is_there=False)
    assert presence.missing_since(MAC) == heard


def test_nothing_is_said_of_who_is_heard_of_and_never_answered() -> None:
    presence = Presence()
    presence.hear(MAC, NOW)
    presence.note(MAC, NOW, is_there=False)
    presence.note(MAC, NOW, is_there=False)
    assert presence.missing_since(MAC) is None


def test_what_was_noted_by_a_clock_that_was_set_back_since_hides_no_machine() -> None:
    presence = Presence()
    presence.note(MAC, NOW + timedelta(days=4000), is_there=True)
    assert not presence.is_there_since(MAC, NOW - timedelta(seconds=30), NOW)
    presence.note(MAC, NOW, is_there=True)
    assert presence.is_there_since(MAC, NOW - timedelta(seconds=30), NOW)


def test_nothing_is_said_of_a_machine_that_never_answered() -> None:
    assert missing(False, False, False) is None


def test_who_takes_a_connection_or_refuses_it_is_there() -> None:
    here = IPv4Address("127.0.0.1")
    with socket.create_server(("127.0.0.1", 0)) as listening:
        assert asyncio.run(answers(here, listening.getsockname()[1]))
    assert asyncio.run(answers(here, free_port()))


def test_without_a_description_nothing_is_looked_for_and_nothing_logged(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    places = {"KBOOT_CONFIG_DIR": str(tmp_path), "KBOOT_DATA_DIR": str(tmp_path), "KBOOT_UID": str(os.getuid())}
    fleet = Fleet(settings_from({**places, "KBOOT_PRESENCE_EVERY_S": "0.01"}))
    with pytest.raises(TimeoutError):
        asyncio.run(asyncio.wait_for(PresenceWatch(fleet).watch(), 0.2))
    assert "presence-watch-failed" not in "".join(capfd.readouterr())


def test_a_round_asks_each_machine_that_runs_once_and_nobody_who_was_just_heard_of(tmp_path: Path) -> None:
    (tmp_path / "clusterdesc.yaml").write_text(_DESCRIPTION)
    places = {"KBOOT_CONFIG_DIR": str(tmp_path), "KBOOT_DATA_DIR": str(tmp_path), "KBOOT_UID": str(os.getuid())}
    now = [NOW]
    fleet = Fleet(settings_from(places), lambda: now[0])
    for node in fleet.nodes()[:3]:
        fleet.store.save(replace(fleet.machine(node.mac), phase=Phase.RUNNING))
    watch = PresenceWatch(fleet)

    def asked() -> int:
        return calls_of(lambda: asyncio.run(watch.look()))["socket.connect"]

    assert asked() == 3
    fleet.hear(fleet.nodes()[0].mac)
    assert asked() == 0
    now[0] += timedelta(seconds=20)
    fleet.hear(fleet.nodes()[0].mac)
    assert asked() == 2
    assert [fleet.heard_of(node) for node in fleet.nodes()[:3]] == [now[0]] * 3


def test_a_machine_that_fell_silent_and_answers_again_is_told_of_once_each(tmp_path: Path) -> None:
    (tmp_path / "clusterdesc.yaml").write_text(_DESCRIPTION)
    places = {"KBOOT_CONFIG_DIR": str(tmp_path), "KBOOT_DATA_DIR": str(tmp_path), "KBOOT_UID": str(os.getuid())}
    fleet = Fleet(settings_from(places), lambda: NOW + timedelta(minutes=5))
    mac, other = (node.mac for node in fleet.nodes()[:2])
    for each, phase in ((mac, Phase.RUNNING), (other, Phase.INSTALLING)):
        fleet.store.save(replace(fleet.machine(each), phase=phase))
        for second, is_there in ((0, True), (15, False), (30, False)):
            fleet.presence.note(each, NOW + timedelta(seconds=second), is_there=is_there)
    watch = PresenceWatch(fleet)
    for _ in range(2):
        asyncio.run(watch.look())
    told = [(event.kind, event.mac, event.detail) for event in fleet.store.newest_events(9)]
    assert told == [("silent", mac, (("since", rfc3339(NOW)),)), ("answers", mac, ())]

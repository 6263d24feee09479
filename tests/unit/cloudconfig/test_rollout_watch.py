"""A look at a rack for its rollout, which gives others their turn, while the description changes under it."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

import pytest

from kboot.host.waiting import looks
from kboot_cloudconfig.fleet import Fleet
from kboot_cloudconfig.machine import booted_from_disk, finished_install
from kboot_cloudconfig.rollout import Course, Rollout, Stage, State
from kboot_cloudconfig.rollout_watch import RolloutWatch
from kboot_cloudconfig.settings import settings_from
from kboot_clusterdesc import Mac

_HEAD = """
apiVersion: kboot/v1
cluster: {name: unit, domain: unit.example.com}
network:
  bootstrapper: 10.10.255.253
  subnet: 10.10.0.0/16
  dhcp: {mode: serve, range: [10.10.0.1, 10.10.3.250]}
os: {channel: stable, update: {enabled: true}}
nodes:
"""
_CARDS = [Mac("52:54:00:00:01:01"), Mac("52:54:00:00:01:02")]  # of the last machine, which is under way
_OTHERS = 110  # more than are looked at between two turns of others


def _describe(folder: Path, first: Mac) -> None:
    """Have the last machine known by one of its cards."""
    second = next(card for card in _CARDS if card != first)
    others = (f'  - {{mac: "52:54:00:00:00:{at:02x}", name: node{at}, roles: [worker]}}\n' for at in range(_OTHERS))
    last = f'  - {{mac: "{first}", more_macs: ["{second}"], name: last, roles: [worker]}}\n'
    made = folder / "clusterdesc.new"
    made.write_text(_HEAD + "".join(others) + last)
    made.replace(folder / "clusterdesc.yaml")


@pytest.fixture
def fleet(tmp_path: Path) -> Fleet:
    """A rack whose last machine was told to reboot for a rollout."""
    for name in ("config", "leases", "images", "nodes"):
        (tmp_path / name).mkdir()
    _describe(tmp_path / "config", _CARDS[0])
    places = {
        "KBOOT_CONFIG_DIR": str(tmp_path / "config"),
        "KBOOT_DATA_DIR": str(tmp_path),
        "KBOOT_UID": str(os.getuid()),
    }
    made = Fleet(settings_from(places))
    now, machine = made.now(), made.machine(made.identity(_CARDS[0]))
    made.keep(machine, booted_from_disk(finished_install(machine, now), "c", "1.0.0", now))
    course = Course(Stage.REBOOTING, now, from_version="1.0.0", boot="before")
    made.rollouts.keep(Rollout(now, State.RUNNING, "2.0.0", courses={_CARDS[0]: course}))
    return made


async def _look(fleet: Fleet, watch: RolloutWatch, turn: int, first: Mac) -> bool:
    """Look, and change the last machine's first card in that turn of others; whether the look was under way then."""
    looking = asyncio.create_task(watch.look())
    for _ in range(turn):
        await asyncio.sleep(0)
    is_under_way = not looking.done()
    _describe(fleet.settings.config, first)
    for _ in looks(10, 0.01):
        if fleet.identity(first) == first:  # who asks now is answered by it, and has the machine's course follow
            break
    await looking
    return is_under_way


def test_a_machine_under_way_keeps_its_course_whenever_its_first_card_changes_in_a_look(fleet: Fleet) -> None:
    watch, turn = RolloutWatch(fleet), 1
    while asyncio.run(_look(fleet, watch, turn, first := _CARDS[turn % 2])):
        stages = {mac: course.stage for mac, course in fleet.rollouts.rollout.courses.items()}
        assert stages == {first: Stage.REBOOTING}, f"changed in turn {turn}"
        turn += 1
    assert turn > 4, "a look takes more turns than that"

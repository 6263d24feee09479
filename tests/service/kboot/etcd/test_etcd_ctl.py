"""`kboot-etcd ctl` on a member, with its certificate and its endpoint: the commands that docs/etcd.md shows."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from service.kboot.etcd.machines import Site
from support.places import ROOT


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    """etcd runs on three machines."""
    made = Site(tmp_path)
    try:
        made.start()
        yield made
    finally:
        made.stop()


def test_what_the_documentation_asks_a_member_is_answered_without_a_word_of_certificates(site: Site) -> None:
    text = (ROOT / "docs" / "etcd.md").read_text()
    commands = re.findall(r"`sudo (kboot-etcd ctl [^`]+)`", text)
    assert len(commands) == 2
    for command in commands:
        done = site.run(site.machines[0], "/opt/bin/" + command)
        assert done.returncode == 0, done.stderr
        said = done.stdout + done.stderr  # health is told on stderr by old ones
        missing = [machine.url for machine in site.machines if machine.url not in said]
        assert missing == [], said


def test_a_snapshot_makes_its_room_first_and_one_that_fails_again_and_again_takes_no_more(site: Site) -> None:
    machine = site.machines[0]
    place = machine.folder / "var/lib/etcd-snapshots"
    place.mkdir(exist_ok=True)
    for day in range(1, 18):
        (place / f"202601{day:02}T000000Z.db").touch()
    killed = place / "20260117T060000Z.db.part"
    killed.touch()
    os.utime(killed, (0, 0))
    site.run(machine, "systemctl", "stop", "etcd.service")
    for _ in range(2):
        assert site.run(machine, "/opt/bin/kboot-etcd", "snapshot").returncode != 0
        assert sorted(path.name for path in place.iterdir()) == [f"202601{day:02}T000000Z.db" for day in range(5, 18)]
    site.run(machine, "systemctl", "start", "etcd.service")
    site.client.wait(machine)
    assert site.run(machine, "/opt/bin/kboot-etcd", "snapshot").returncode == 0
    assert len(list(place.iterdir())) == 14

"""`kboot-etcd ctl` on a member, with its certificate and its endpoint: the commands that docs/etcd.md shows."""

from __future__ import annotations

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

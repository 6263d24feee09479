"""The rows of the page: whoever types waits for no look at the machines, and sees soon how they are."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

import pytest

from kboot_cloudconfig import machine as life
from kboot_cloudconfig.fleet import Fleet
from kboot_cloudconfig.page.rows import Rows
from kboot_cloudconfig.settings import settings_from
from kboot_clusterdesc import Mac, Phase

_MAC = Mac("52:54:00:00:00:01")
_DESCRIPTION = f"""
apiVersion: kboot/v1
cluster: {{name: unit, domain: unit.example.com}}
network: {{bootstrapper: 127.0.0.1, subnet: 127.0.0.0/24, dhcp: {{mode: "off"}}}}
os: {{channel: stable}}
nodes:
  - {{mac: "{_MAC}", name: node1, ip: 127.0.0.11, roles: [worker]}}
"""


@pytest.fixture
def fleet(tmp_path: Path) -> Fleet:
    """One machine."""
    (tmp_path / "clusterdesc.yaml").write_text(_DESCRIPTION)
    places = {"KBOOT_CONFIG_DIR": str(tmp_path), "KBOOT_DATA_DIR": str(tmp_path), "KBOOT_UID": str(os.getuid())}
    return Fleet(settings_from(places))


def test_another_look_at_what_is_watched_is_answered_at_once_and_the_next_one_as_things_are(fleet: Fleet) -> None:
    async def phases() -> list[tuple[Phase, str]]:
        rows = Rows(fleet, good_for_s=0)
        seen = [((await rows.current())[0].phase, rows.stamp)]
        fleet.keep(fleet.machine(_MAC), life.failed(fleet.machine(_MAC), "no disk", fleet.now()))
        seen.append(((await rows.lately())[0].phase, rows.stamp))
        await asyncio.sleep(0.01)  # in which the look is done
        seen.append(((await rows.lately())[0].phase, rows.stamp))
        return seen

    first, typed, later = asyncio.run(phases())
    assert (first[0], later[0]) == (Phase.WAITING, Phase.FAILED)
    assert typed == first
    assert later[1] != first[1]


def test_what_nobody_watched_is_looked_at_before_it_is_answered(fleet: Fleet) -> None:
    assert asyncio.run(Rows(fleet).lately())[0].phase is Phase.WAITING

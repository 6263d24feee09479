"""What the gate answers to who asks before it takes a node down, as `kboot upgrade` does."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from kboot.host.waiting import looks
from kboot_clusterdesc.roll_order import ROLL_BEGUN, ROLL_MARK
from service.cloudconfig.rollout_site import Site

_ILL = "w1: KubeletNotReady: container runtime network not ready"


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    made = Site(tmp_path)
    made.begin()
    yield made
    made.end()


def _gate(site: Site, besides: str = "") -> str | None:
    trouble: str | None = site.say("gate", besides=besides).json()["trouble"]
    return trouble


def _wait_gate(site: Site, wanted: str | None, besides: str = "") -> None:
    found = _gate(site, besides)
    for _ in looks(30, 0.2):
        if (found := _gate(site, besides)) == wanted:
            return
    raise AssertionError(f"the gate says {found}")


def test_the_gate_of_an_upgrade_names_other_machines_that_are_not_well_unless_it_took_them_down(site: Site) -> None:
    assert _gate(site) is None
    site.cluster.ready("w1", "False")
    _wait_gate(site, _ILL)
    assert _gate(site, besides="cp2") == _ILL
    assert _gate(site, besides="w1") is None
    site.cluster.nodes["w1"]["metadata"]["annotations"] = {ROLL_MARK: ROLL_BEGUN}
    _wait_gate(site, None)
    site.cluster.ready("cp2", "False")
    _wait_gate(site, f"cp2{_ILL.removeprefix('w1')}", besides="cp1")

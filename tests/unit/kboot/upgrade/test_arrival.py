"""Who comes to Kubernetes, and in which order."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from kboot.upgrade.arrival import newcomers
from support.fleets import Fleet

_DESC = Fleet(control_planes=1).desc
_NAMES = [node.name for node in _DESC.nodes]


def names(in_api: Collection[str] | None, **said: dict[str, Any]) -> list[str]:
    """Of those that come, where all run what they were installed with, but for what is `said` of one."""
    usual = {"phase": "running", "phases": {"running": "…"}, "config": "outdated"}
    machines = [{"mac": str(node.mac), **usual, **said.get(node.name, {})} for node in reversed(_DESC.nodes)]
    return [node.name for node in newcomers(_DESC, machines, in_api)]


def test_all_that_run_without_it_come_control_planes_first() -> None:
    assert names(None) == _NAMES
    assert _NAMES[0] == "cp0"


def test_what_was_a_node_before_is_none_that_comes() -> None:
    was_ready = {"phases": {"running": "…", "ready": "…"}}
    assert names(None, w2=was_ready) == []  # an API server has to be brought back
    assert names({"cp0"}, cp0=was_ready) == _NAMES[1:]
    assert names(set(_NAMES)) == []


def test_one_that_is_being_installed_gets_what_is_in_force_by_that() -> None:
    assert names(None, w2={"phase": "installing"}) == _NAMES[:-1]
    current = {"config": "current"}
    assert names(None, **dict.fromkeys(_NAMES, current)) == []
    assert names(None, cp0=current) == _NAMES  # it was given its config by a run that was broken off


def test_a_fleet_that_has_no_kubernetes_to_come_to_stays() -> None:
    desc = Fleet(control_planes=1, kubernetes=False).desc
    machine = {"phase": "running", "phases": {}, "config": "outdated"}
    assert newcomers(desc, [{"mac": str(node.mac), **machine} for node in desc.nodes], None) == []

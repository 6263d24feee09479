"""The state of a node, for tests of what is made of it."""

from __future__ import annotations

from typing import Any

from kboot_cloudconfig.api import NodeState
from kboot_clusterdesc import Phase

_AT = "2026-11-29T10:00:00Z"


def node_state(name: str = "node1", phase: Phase = Phase.RUNNING, **said: Any) -> NodeState:
    """Return the state of a node with what is `said` of it, as the cloud-config server tells it."""
    state: NodeState = {
        "mac": "52:54:00:00:00:01",
        "more_macs": [],
        "name": name,
        "ip": "10.10.14.1",
        "roles": ["worker"],
        "rack": None,
        "unit": None,
        "phase": phase,
        "since": _AT,
        "heard": None,
        "phases": {phase: _AT},
        "armed": False,
        "joined": False,
        "config": "current",
        "config_told": True,
        "reason": None,
        "remark": None,
        "overdue": None,
        "version": None,
        "ssh_host_keys": [],
        "install_disk": None,
        "disks": [],
        "cards": [],
        "install_log": [],
        "failed_units": [],
        "next": [],
        "boot_partition": None,
        "update": {"checked": None, "reason": None, "steps": []},
        "bytes": None,
        "total": None,
        "percent": None,
    }
    changed: Any = {**state, **said}
    found: NodeState = changed
    return found

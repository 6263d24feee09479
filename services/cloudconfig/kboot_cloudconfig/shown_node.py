"""A node as people and programs are shown it: as a value, as JSON, and as a row of the page."""

from __future__ import annotations

import json
from datetime import datetime
from functools import cached_property
from ipaddress import IPv4Address
from typing import Literal, NamedTuple, cast

from kboot_clusterdesc import Mac, Node, Phase

from .api import CardState, DiskState, FailedUnitState, NodeState
from .event import rfc3339
from .machine import Machine
from .next_steps import next_steps
from .row import Row, row_of
from .updates import ShownUpdate

_JSON = json.JSONEncoder(separators=(",", ":"), ensure_ascii=False)
_HEARD = '"heard":'  # within a text of JSON its marks would be escaped


class Around(NamedTuple):
    """What is shown of a node besides what its description and its machine's state say, and when it was heard of.

    A tuple: at each look one is made for each of thousands of nodes, and compared with the one before.
    """

    address: IPv4Address | None
    joined: bool
    config: Literal["current", "outdated"]
    reason: str | None
    overdue: str | None
    update: ShownUpdate


class ShownNode:
    """A node as it is shown; JSON and the row are made once."""

    def __init__(self, node: Node, machine: Machine, around: Around) -> None:
        self._of = node, machine, around
        self.heard: datetime | None = None  # each few seconds another time, for which nothing else is made anew
        self._heard_json: tuple[datetime | None, str] = None, "null"

    def is_of(self, node: Node, machine: Machine, around: Around) -> bool:
        """Return whether this shows the very same; nodes and states are values that are never changed."""
        return self._of[0] is node and self._of[1] is machine and self._of[2] == around

    @property
    def state(self) -> NodeState:
        """The form that `kboot status --json` prints.

        It is not kept: the lists and dicts of thousands would be walked through by each garbage collection.
        """
        node, machine, around = self._of
        return {
            "mac": str(node.mac),
            "more_macs": [str(mac) for mac in node.more_macs],
            "name": node.name,
            "ip": str(around.address) if around.address else None,
            "roles": [role.value for role in node.roles],
            "rack": node.rack,
            "unit": node.unit,
            "phase": machine.phase,
            "since": rfc3339(machine.since),
            "heard": rfc3339(self.heard) if self.heard else None,
            "phases": {phase: rfc3339(at) for phase, at in machine.phases.items()},
            "armed": machine.armed,
            "joined": around.joined,
            "config": around.config,
            "config_told": machine.config is not None,
            "reason": around.reason,
            "remark": machine.remark,
            "overdue": around.overdue,
            "version": machine.version,
            "update": around.update.state,
            "ssh_host_keys": list(machine.ssh_host_keys),
            "install_disk": machine.install_disk,
            "disks": cast(list[DiskState], list(machine.disks)),
            "cards": cast(list[CardState], list(machine.cards)),
            "install_log": [],
            "failed_units": [{"name": str(unit["name"]), "lines": []} for unit in machine.failed_units],
            "next": [],
            "boot_partition": machine.boot_partition,
            "bytes": machine.bytes_done,
            "total": machine.bytes_total,
            "percent": _written_percent(machine),
        }

    def whole(self, *, in_kubernetes: bool, is_silent: bool) -> NodeState:
        """Return the state with all that the machine told and what leads on, which in a list would be too much."""
        machine = self._of[1]
        units = cast(list[FailedUnitState], list(machine.failed_units))
        state: NodeState = {**self.state, "install_log": list(machine.install_log), "failed_units": units}
        return {**state, "next": next_steps(state, in_kubernetes=in_kubernetes, is_silent=is_silent)}

    @property
    def json(self) -> str:
        """The state as JSON."""
        before, after = self._json
        if self._heard_json[0] is not self.heard:
            self._heard_json = self.heard, f'"{rfc3339(self.heard)}"' if self.heard else "null"
        return f"{before}{_HEARD}{self._heard_json[1]}{after}"

    @cached_property
    def _json(self) -> tuple[str, str]:
        """The state as JSON, before and after the time at which the node was heard of."""
        before, _, after = _JSON.encode({**self.state, "heard": None}).partition(f"{_HEARD}null")
        return before, after

    @cached_property
    def row(self) -> Row:
        """What the page of the fleet shows."""
        return row_of(self.state)


class ShownNodes:
    """All nodes as they were last shown."""

    def __init__(self) -> None:
        self._shown: dict[Mac, ShownNode] = {}

    def of(self, node: Node, machine: Machine, around: Around, heard: datetime | None) -> ShownNode:
        """Return the node as it is shown, made anew where something of it has changed."""
        known = self._shown.get(node.mac)
        if known is None or not known.is_of(node, machine, around):
            known = self._shown[node.mac] = ShownNode(node, machine, around)
        known.heard = heard
        return known


def _written_percent(machine: Machine) -> int | None:
    """Return the share of the OS image that is on the disk; None where none is being written, or its size not told."""
    if machine.phase not in (Phase.INSTALLING, Phase.CONFIGURED) or machine.bytes_done is None:
        return None
    return min(100 * machine.bytes_done // machine.bytes_total, 100) if machine.bytes_total else None

"""Kubernetes comes to machines that run without it: each is given its config, control planes first, with no drain.

They have no node yet that could be drained, and the first of them no API server that could be asked.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from threading import Event

from kboot_clusterdesc import ClusterDesc, ClusterFolder, Mac, Node, Phase
from kboot_clusterdesc.roll_order import First, is_counted, roll_groups

from ..errors import NotYet
from ..etcd.quorum import read_voters
from ..host.waiting import looks
from ..preflight.losses import Standing, losses, standing_of
from ..running.chosen import node_named
from ..running.cloudconfig_client import CloudConfigClient, JsonObject
from ..running.cluster_health import PartHealth
from ..running.ssh import Login, remote
from .apply import apply
from .moves import runs_config_in_force
from .own_parts import parts_of, wait_for_parts, well_parts
from .plan import Work
from .roll import AGAIN, Interrupted

_LOOK_EVERY_S = 3


def newcomers(desc: ClusterDesc, machines: Sequence[JsonObject], in_api: Collection[str] | None) -> list[Node]:
    """Return the nodes whose machines run, never were nodes of Kubernetes and are to be, in the order in which they go.

    `in_api` are the nodes that the API has, None where no API server answers: where any machine was Ready before, one
    has to be brought back then, and nobody is a newcomer.
    """
    by_mac = {machine["mac"]: machine for machine in machines}
    known = [(node, by_mac[str(node.mac)]) for node in desc.nodes if str(node.mac) in by_mac]
    if desc.kubernetes is None or (in_api is None and any(Phase.READY in machine["phases"] for _, machine in known)):
        return []
    lacking = [(node, machine) for node, machine in known if node.name not in (in_api or ())]
    new = [
        (node, machine)
        for node, machine in lacking
        if machine["phase"] == Phase.RUNNING and Phase.READY not in machine["phases"]
    ]
    if not any(machine["config"] == "outdated" for _, machine in new):
        return []
    groups = roll_groups([node for node, _ in new], lambda node: node.roles, First.CONTROL_PLANES)
    return [node for group in groups for node in group.machines]


def works(nodes: Sequence[Node]) -> tuple[tuple[Work, ...], ...]:
    """Return what is done on newcomers, for a plan: one after the other."""
    return tuple((Work(node.name, node.roles, applies=True, drains=False),) for node in nodes)


@dataclass(frozen=True, slots=True)
class Arrival:
    """Where machines are reached, and for how long each step is waited for."""

    folder: ClusterFolder
    desc: ClusterDesc
    server: CloudConfigClient
    login: Login
    say: Callable[[str], None]
    stop: Event
    timeout_s: float

    def bring(self, nodes: Sequence[Node]) -> None:
        """Bring these nodes to Kubernetes; raise NotYet at the first that does not get there. It may be done twice.

        All machines on which the cluster counts have their configs before any is waited for: the members of a new etcd
        need each other, and its API servers need them.
        """
        counted = [node for node in nodes if is_counted(node.roles)]
        is_formed = any(part.is_well for part in self._members())
        for node in counted:
            self._bring(node, is_formed=is_formed)
        for node in self.desc.nodes:
            if is_counted(node.roles):
                self._heed_stop(node, "wait")
                wait_for_parts(self._standing(), node, parts_of(node), self.timeout_s)
        for node in nodes:
            if not is_counted(node.roles):
                self._bring(node, is_formed=True)
        self._wait_ready([node.name for node in nodes])

    def _bring(self, node: Node, *, is_formed: bool) -> None:
        """Give a machine its config, unless it told that it has it; an etcd that never was needs no quorum."""
        machine = node_named(self.server.nodes(), node.name)
        if runs_config_in_force(machine):
            return
        self._heed_stop(node, "apply")
        cluster = self._standing()
        if is_formed and (found := losses(cluster, node, comes_back=True)):
            said, ways = "; ".join(each.message for each in found), "; ".join(each.hint for each in found)
            raise NotYet(f"stopped at {node.name}: {said}", f"{ways}; {AGAIN}")
        before = well_parts(cluster, node) if is_counted(node.roles) else []
        self.say(f"{node.name}: apply")
        way = remote(self.folder, machine, self.login)
        for line in apply(self.folder, Mac(machine["mac"]), way, self.timeout_s):
            self.say(f"{node.name}:   {line}")
        wait_for_parts(cluster, node, before, self.timeout_s)

    def _wait_ready(self, names: Sequence[str]) -> None:
        late: list[str] = []
        for _ in looks(self.timeout_s, _LOOK_EVERY_S):
            if self.stop.is_set():
                break
            machines = self.server.nodes()
            late = [
                f"{machine['name']} ({machine['reason'] or machine['phase']})"
                for machine in machines
                if machine["name"] in names and machine["phase"] != Phase.READY
            ]
            if not late:
                return
        if self.stop.is_set():
            raise Interrupted("stopped while nodes were waited for", AGAIN)
        raise NotYet(f"not Ready after {self.timeout_s:.0f} s: {', '.join(late)}", f"`kboot status` says more; {AGAIN}")

    def _heed_stop(self, node: Node, step: str) -> None:
        if self.stop.is_set():
            raise Interrupted(f"stopped before step `{step}` of {node.name}", AGAIN)

    def _standing(self) -> Standing:
        return standing_of(self.folder, self.desc, self.server.nodes())

    def _members(self) -> tuple[PartHealth, ...]:
        return read_voters(self.desc, self.folder, self._standing().addresses).members

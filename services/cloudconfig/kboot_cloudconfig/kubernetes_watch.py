"""Asks the API server about its nodes, for ever, and moves machines between `running` and `ready`."""

from __future__ import annotations

import asyncio
from datetime import datetime, timedelta

from kboot_clusterdesc import ClusterDesc, Mac, Node
from kboot_clusterdesc.model import Timing

from . import machine as life
from .api import ApiState
from .fleet import Fleet
from .kubernetes_api import ApiFault, client_context, list_nodes
from .kubernetes_nodes import REASON_LENGTH, KubernetesNode, KubernetesView, moved
from .log import LogLevel, log
from .overdue import SLOW
from .pieces import in_pieces
from .problem import ProblemError


class KubernetesWatch:
    """The loop that asks the control planes in turn, beginning with the one that answered last."""

    def __init__(self, fleet: Fleet) -> None:
        self._fleet = fleet
        self._answered: Mac | None = None
        self._silent_since: datetime | None = None

    async def watch(self) -> None:
        """Ask for ever; only a change of the API server's state is logged."""
        while True:
            try:
                await self._note(await self._look())
            except ProblemError:
                pass  # no description yet, which the fleet's own watch tells
            except Exception as error:  # the border of a background job: it must outlive a bad moment
                log("kubernetes-watch-failed", LogLevel.ERROR, problem=repr(error))
            await asyncio.sleep(self._fleet.settings.kubernetes_every_s)

    async def _look(self) -> KubernetesView:
        desc = self._fleet.desc()
        if desc.kubernetes is None:
            return KubernetesView()
        try:
            return KubernetesView(ApiState.ANSWERS, nodes=await self._nodes(desc))
        except ApiFault as fault:
            return KubernetesView(ApiState.WAITING, str(fault))

    async def _nodes(self, desc: ClusterDesc) -> dict[str, KubernetesNode]:
        context = client_context(self._fleet.settings.tls)
        faults: dict[str, str] = {}
        for node in sorted(desc.control_planes, key=lambda node: node.mac != self._answered):
            try:
                address = self._fleet.address_of(node)
                if address is None:
                    raise ApiFault("has no address yet")
                nodes = await list_nodes(str(address), context)
            except ApiFault as fault:
                faults[node.name] = str(fault)
            else:
                self._answered = node.mac
                return nodes
        raise ApiFault("; ".join(f"{name} {fault}" for name, fault in sorted(faults.items())))

    async def _note(self, view: KubernetesView) -> None:
        before, self._fleet.kubernetes = self._fleet.kubernetes, view
        if (view.state, view.reason) != (before.state, before.reason):
            log("kubernetes", state=str(view.state), reason=view.reason, nodes=len(view.nodes))
        if view.state is ApiState.ANSWERS:
            self._silent_since = None
            await in_pieces(self._fleet, lambda node: self._move(node, view))
        elif view.state is ApiState.WAITING:
            self._doubt(view.reason or "")

    def _doubt(self, why: str) -> None:
        """Take back that machines are ready, once nobody has answered for so long that Kubernetes would itself."""
        fleet, now = self._fleet, self._fleet.now()
        self._silent_since = self._silent_since or now
        factor = SLOW if fleet.desc().timing is Timing.SLOW else 1
        if abs(now - self._silent_since) < timedelta(seconds=fleet.settings.kubernetes_silent_s * factor):
            return
        reason = f"no API server answers: {why}"[:REASON_LENGTH]
        machines = [(fleet.machine(node.mac), fleet.address_of(node)) for node in fleet.nodes()]
        fleet.keep_all([(before, life.became_unready(before, reason, now), ip) for before, ip in machines])

    def _move(self, node: Node, view: KubernetesView) -> None:
        fleet = self._fleet
        if (seen := view.nodes.get(node.name)) is not None and seen.is_ready:
            fleet.hear(node.mac)
        before = fleet.machine(node.mac)
        after = moved(before, node.name, view.nodes, fleet.now())
        if after != before:
            fleet.keep(before, after, fleet.address_of(node), detail=after.reason or "")

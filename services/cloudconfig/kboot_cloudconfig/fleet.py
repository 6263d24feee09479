"""The machines: applies a step of a machine's life, keeps it, and tells who listens."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime
from ipaddress import IPv4Address
from pathlib import Path

from kboot_clusterdesc import ClusterDesc, DhcpMode, Mac, Node
from kboot_clusterdesc.joined import FOLDER, joined_node, may_join

from . import machine as life
from .description import DescriptionFile
from .kubernetes_nodes import KubernetesView
from .leases import LeaseFile
from .log import log
from .machine import Machine
from .problem import ProblemError
from .releases import updater_events
from .settings import Settings
from .store import Event, Store

WAY_OUT = "`kboot node reinstall NAME` arms a machine, `kboot node settle` ends the doubt; docs/operate.md says more"


def utc_now() -> datetime:
    """The time, in UTC."""
    return datetime.now(UTC)


class Fleet:
    """All that the server knows of the machines, declared and not."""

    def __init__(self, settings: Settings, now: Callable[[], datetime] = utc_now) -> None:
        self.settings = settings
        self.now = now
        self.store = Store(settings.data / "state" / "kboot.db", now(), is_marked=settings.state_is_marked)
        if doubt := self.store.doubt():
            log("state-lost", **doubt.as_json(), problem="no machine is armed by itself", hint=WAY_OUT)
        self._description = DescriptionFile(settings.config / "clusterdesc.yaml")
        self._leases = LeaseFile(settings.data / "leases" / "dnsmasq.leases")
        self._listeners: set[asyncio.Event] = set()
        self._told = set(updater_events(settings.images))
        self.kubernetes = KubernetesView()
        self.is_ending = False

    def desc(self) -> ClusterDesc:
        """The description in force; 503 while there is none."""
        desc = self._description.current()
        if desc is None:
            raise ProblemError(503, "there is no description yet")
        return desc

    def nodes(self) -> list[Node]:
        """The declared nodes, then the machines that were let in; a declaration wins over that."""
        declared = self.desc().nodes
        macs = {node.mac for node in declared}
        return [*declared, *(joined_node(mac) for mac in self.store.adopted() if mac not in macs)]

    def node(self, mac: Mac) -> Node:
        """The node of that MAC; any other machine is 404."""
        node = next((node for node in self.nodes() if node.mac == mac), None)
        if node is None:
            raise ProblemError(404, f"no machine {mac} is declared")
        return node

    def is_declared(self, mac: Mac) -> bool:
        """Whether the description has this machine; a node that it has not was let in."""
        return any(node.mac == mac for node in self.desc().nodes)

    def adopt(self, mac: Mac, address: IPv4Address | None) -> None:
        """Let the undeclared machine in that asks from `address`, where the description wants that."""
        if address is None or not self.desc().adopts_machines or self.is_declared(mac) or not may_join(mac):
            return
        if self._leases.address_of(mac, self.now()) == address and self.store.adopt(mac, self.now()):
            detail = self.machine(mac).reason if self.store.doubt() else None
            self.tell("adopted", mac, address, detail=detail or "")

    def may_install(self, mac: Mac) -> bool:
        """Whether a node may be installed at all: one that was let in only while the description lets machines in."""
        return self.is_declared(mac) or self.desc().adopts_machines

    def folder(self, mac: Mac) -> Path:
        """Where the files lie that a node is given."""
        return self.settings.nodes / (mac.dashed if self.is_declared(mac) else FOLDER)

    def machine(self, mac: Mac) -> Machine:
        """The machine of a node as it stands; one that was never heard of is armed, unless the state is in doubt."""
        return self.store.machine(mac, self.now())

    def address_of(self, node: Node) -> IPv4Address | None:
        """The one address at which this machine may be given secrets."""
        if self.desc().network.dhcp.mode is DhcpMode.SERVE:
            return self._leases.address_of(node.mac, self.now())
        return node.ip

    def machine_at(self, address: IPv4Address | None) -> Mac | None:
        """The machine that calls from `address`."""
        desc = self.desc()
        if desc.network.dhcp.mode is DhcpMode.SERVE:
            return self._leases.mac_at(address, self.now())
        return next((node.mac for node in desc.nodes if node.ip is not None and node.ip == address), None)

    def settle(self, ip: IPv4Address | None) -> None:
        """End the doubt: nodes stay as they are, and a machine that comes from now on is new."""
        for node in self.nodes():
            self.machine(node.mac)
        if self.store.doubt() is not None:
            self._announce(self.store.settle(self._event("settled", None, ip, {})))

    def keep(self, before: Machine, after: Machine, ip: IPv4Address | None = None, **detail: str | int) -> Machine:
        """Keep the outcome of a step; a new phase is an event, in the same transaction."""
        if after == before:
            return after
        events = []
        if after.phase is not before.phase or after.since != before.since:
            events.append(self._event(str(after.phase), after.mac, ip, detail))
        self.store.save(after, *events)
        for event in events:
            self._announce(event)
        return after

    def tell(self, kind: str, mac: Mac | None, ip: IPv4Address | None = None, **detail: str | int) -> None:
        """Keep an event that moves no machine."""
        self._announce(self.store.add(self._event(kind, mac, ip, detail)))

    def listen(self) -> asyncio.Event:
        """A flag that is set at each event, until `unlisten`."""
        flag = asyncio.Event()
        self._listeners.add(flag)
        return flag

    def unlisten(self, flag: asyncio.Event) -> None:
        """End what `listen` began."""
        self._listeners.discard(flag)

    def end_streams(self) -> None:
        """Let every stream of events end, so that the server can."""
        self.is_ending = True
        for listener in self._listeners:
            listener.set()

    def note_leases(self) -> None:
        """Move machines on that were given an address, and list those that no one declared."""
        now, known = self.now(), {node.mac for node in self.nodes()}
        for entry in self._leases.standing(now):
            if entry.mac in known:
                before = self.machine(entry.mac)
                self.keep(before, life.got_lease(before, now), entry.ip)
            elif self.store.discover(entry.mac, str(entry.ip), now):
                self.tell("discovered", entry.mac, entry.ip)

    def note_updater(self) -> None:
        """Pass on what the updater noted since the last look, so that one stream tells everything."""
        noted = updater_events(self.settings.images)
        for at, kind, detail in noted:
            if (at, kind, detail) not in self._told:
                self.tell("release", None, what=kind, detail=detail)
        self._told = set(noted)

    async def watch(self, period_s: float = 1.0) -> None:
        """Look at what the other services write, for ever, each `period_s`."""
        while True:
            try:
                self.note_leases()
                self.note_updater()
            except ProblemError as problem:
                log("watch-waits", problem=problem.detail)
            except Exception as error:  # the border of a background job: it must outlive a bad moment
                log("watch-failed", problem=repr(error))
            await asyncio.sleep(period_s)

    def _event(self, kind: str, mac: Mac | None, ip: IPv4Address | None, detail: dict[str, str | int]) -> Event:
        shown = tuple((key, value) for key, value in detail.items() if value != "")
        return Event(self.now(), kind, mac, str(ip) if ip else None, shown)

    def _announce(self, event: Event) -> None:
        log("event", kind=event.kind, mac=event.mac, ip=event.ip, **dict(event.detail))
        for listener in self._listeners:
            listener.set()

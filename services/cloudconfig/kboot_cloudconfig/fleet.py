"""The machines of the cluster: applies a step of a machine's life, keeps the outcome, and tells those who listen."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from ipaddress import IPv4Address
from itertools import islice

from kboot_clusterdesc import ClusterDesc, DhcpMode, EventKind, Mac, Node, Phase, shared_files
from kboot_clusterdesc.joined import FOLDER, joined_node, may_join

from . import machine as life
from .description import DescriptionFile
from .discovered import Discovered
from .event import Event
from .guard import Refusal
from .identities import Identities
from .kubernetes_nodes import KubernetesView
from .leases import LeaseFile
from .listeners import Listeners
from .log import LogLevel, log
from .machine import Machine
from .moment import Moment
from .node_index import NodeIndex
from .observed import Observed
from .presence import Presence
from .problem import ProblemError
from .refusals import Reasons, Refusals, Steps
from .releases import release_in_force
from .rollouts import Rollouts
from .settings import Settings
from .shown_node import ShownNodes
from .small_files import SmallFiles
from .store import Store
from .updates import Updates
from .whereabouts import is_in_memory, own_in_words

WAY_OUT = "`kboot node reinstall NAME` arms a machine, `kboot node settle` ends the doubt; docs/operate.md says more"


class Fleet:
    """All that the server knows of the machines: declared, joined and discovered."""

    def __init__(
        self,
        settings: Settings,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
        description: DescriptionFile | None = None,
        steady: Callable[[], float] = time.monotonic,
    ) -> None:
        self.settings, self.now = settings, now
        self.store = Store(settings.data / "state" / shared_files.DATABASE, now(), is_marked=settings.state_is_marked)
        if doubt := self.store.doubt():
            log("state-lost", LogLevel.ERROR, **doubt.as_json(), problem="no machine is armed by itself", hint=WAY_OUT)
        self.description = description or DescriptionFile(settings.config / shared_files.DESCRIPTION)
        self.leases = LeaseFile(settings.data / "leases" / shared_files.LEASES)
        self.listeners, self.observed = Listeners(), Observed()
        self._heard, self.heard_kept_at = self.store.heard(), now()
        self._heard_since: set[Mac] = set()  # since their times were kept
        self.presence, self.kubernetes, self.nodes_folder = Presence(), KubernetesView(), str(settings.nodes)
        self._refusals, self._reasons, self.steps = Refusals(), Reasons(), Steps()
        self.boot_values: dict[Mac, str] = {}  # the newest of each machine; they are kept as their hashes alone
        self._index_now: NodeIndex | None = None
        self.store.on_event = self._announce
        self.files, self._moment, self.shown = SmallFiles(), Moment(), ShownNodes()
        self.updates, self.rollouts = Updates(self.store.updates), Rollouts(self.store.rollouts, now(), steady)
        self._identities = Identities(self.store, self.updates, self.rollouts)

    def index(self) -> NodeIndex:
        """Return the description in force with its nodes; answer 503 while there is none."""
        index = self._index_now or self._moment.get("description", self.description.current)
        if index is None:
            raise ProblemError(503, "there is no description yet")
        if not self._identities.has_followed(index):  # asked with each look at a node
            for before, after in self._identities.follow(index, self.now()):
                self._hand_on_heard(before, after)
        return index

    @contextmanager
    def looked_at_once(self) -> Iterator[None]:
        """Have the files looked at once for all that is done within, which gives nothing else a turn."""
        self._index_now = self.index()
        try:
            with self.leases.looked_at_once():
                yield
        finally:
            self._index_now = None

    def desc(self) -> ClusterDesc:
        """Return the description in force; answer 503 while there is none."""
        return self.index().desc

    def nodes(self) -> list[Node]:
        """Return the declared nodes, then those of joined machines that were not declared since."""
        index = self.index()
        return [*index.desc.nodes, *(joined_node(mac) for mac in self.store.joined.macs() if mac not in index.by_mac)]

    def has_node(self, mac: Mac) -> bool:
        """Return whether a node, declared or joined, is known by that MAC."""
        declared = self.index().by_mac.get(mac)
        return self.store.joined.has(mac) if declared is None else declared.mac == mac

    def node(self, mac: Mac) -> Node:
        """Return the node that is known by that MAC; answer 404 where there is none."""
        if not self.has_node(mac):
            raise ProblemError(404, f"no machine {mac} is declared")
        return self.index().by_mac.get(mac) or joined_node(mac)

    def identity(self, mac: Mac) -> Mac:
        """Return the MAC that a node is known by, for that of any of its cards; any other MAC as it is."""
        return self.index().identity(mac)

    def cards_of(self, mac: Mac) -> tuple[Mac, ...]:
        """Return the cards by any of which the machine of the node `mac` may be known."""
        return self._identities.cards_of(self.node(mac), self.now())

    def is_declared(self, mac: Mac) -> bool:
        """Return whether the description names this machine; a node that it does not name has joined."""
        return mac in self.index().by_mac

    def let_join(self, mac: Mac, address: IPv4Address | None, path: str) -> None:
        """Let an undeclared machine join that asks for `path` from its own `address`, where the description wants that.

        A card that a machine told of is that machine's: as a stranger it would be installed over what runs there.
        """
        if address is None or not self.desc().lets_machines_join or self.is_declared(mac) or not may_join(mac):
            return
        if self.desc().ignores(mac) or self.store.joined.has(mac) or self.leases.address_of(mac, self.now()) != address:
            return
        if self._identities.is_told_of(mac, self.now()):
            self.refuse(mac, address, Refusal.CARD_OF_ANOTHER, path)
        elif self.store.joined.add(mac, self.now()):
            detail = self.machine(mac).reason if self.store.doubt() else None
            self.tell(EventKind.JOINED, mac, address, detail=detail or "")

    def may_install(self, mac: Mac) -> bool:
        """Return whether a node may be installed at all: a joined one only while the description lets machines join."""
        return self.is_declared(mac) or self.desc().lets_machines_join

    def folder(self, mac: Mac) -> str:
        """Return the folder of the files that a node is given: as text, since it is asked with each of them."""
        return f"{self.nodes_folder}/{mac.dashed if self.is_declared(mac) else FOLDER}"

    def release_in_force(self) -> str | None:
        """Return the number of the release that machines install now; None until one is mirrored whole."""
        desc = self.desc()
        return self._moment.get(id(desc), lambda: release_in_force(self.settings.images, desc))

    def machine(self, mac: Mac) -> Machine:
        """Return the state of a node's machine; one never heard of is armed, unless the state is in doubt."""
        return self.store.known(mac) or self.store.machine(mac, self.now())

    def addresses_of(self, node: Node, cards: Sequence[Mac] | None = None) -> tuple[IPv4Address, ...]:
        """Return the addresses that are a node's own, by any or some of its cards; none while it has none."""
        if self.desc().network.dhcp.mode is DhcpMode.SERVE:
            leased = (self.leases.address_of(mac, self.now()) for mac in cards or node.macs)
            return tuple(address for address in leased if address is not None)
        return () if node.ip is None else (node.ip,)

    def is_near(self, mac: Mac, address: IPv4Address | None) -> bool:
        """Return whether a card of the machine `mac` may have `address`: in the subnet, and known as nobody else's."""
        network = self.desc().network
        if address is None or address not in network.subnet or address in (network.bootstrapper, *network.routers):
            return False
        owner = self.machine_at(address)
        return owner is None or owner == mac or not self.has_node(owner)

    def address_of(self, node: Node) -> IPv4Address | None:
        """Return the address at which a node's machine is reached, its lease, else the described one; None without.

        A machine with an `ip` asks for no lease once it runs: those of its other cards are of its firmware then.
        """
        machine = self.machine(node.mac)
        has_others = node.ip is None or is_in_memory(machine.phase, is_armed=machine.armed)
        return next(iter(self.addresses_of(node, None if has_others else node.macs[:1])), node.ip)

    def own_in_words(self, node: Node) -> str:
        """Return what the own address of a node is, or why it has none."""
        return own_in_words(self.desc(), node, self.addresses_of(node))

    def machine_at(self, address: IPv4Address | None) -> Mac | None:
        """Return the MAC of the machine that has `address`; None where no machine has it.

        The lease of a fixed node ends after its install, since it asks no longer; nobody else is given its address.
        """
        index = self.index()
        if index.desc.network.dhcp.mode is DhcpMode.SERVE:
            leased = self.leases.mac_at(address, self.now())
            if leased is not None:
                return index.identity(leased)
        fixed = None if address is None else index.by_ip.get(address)
        return None if fixed is None else fixed.mac

    def seen_at(self, machine: Machine, address: IPv4Address | None) -> Machine:
        """Note the lease with which a machine asks where the watch did not see it yet, and return the machine's state.

        A machine asks within a second after its lease.
        """
        if self.desc().network.dhcp.mode is not DhcpMode.SERVE:
            return machine
        return self.keep(machine, life.got_lease(machine, self.now()), address)

    def hear(self, mac: Mac) -> None:
        """Note that a machine was heard of just now: it asked or reported itself, or Kubernetes vouches for it.

        So it was where it was given its lease, or its renewal.
        """
        self._heard[mac] = now = self.now()
        self._heard_since.add(mac)
        self.presence.hear(mac, now)

    def heard_of(self, node: Node) -> datetime | None:
        """Return when a node's machine was last heard of; None where it never was."""
        heard = [self._heard[node.mac]] if node.mac in self._heard else []
        return max([*heard, *life.own_steps(self.machine(node.mac))], default=None)

    def keep_heard(self, at_most: int | None = None) -> int:
        """Keep when each machine was last heard of, `at_most` so many of them; return of how many it is left to do.

        It is done once a minute, and at the end of the server.
        """
        self.heard_kept_at = self.now()
        macs = list(islice(self._heard_since, at_most))
        self.store.keep_heard({mac: self._heard[mac] for mac in macs if mac in self._heard})
        self._heard_since.difference_update(macs)
        return len(self._heard_since)

    def _hand_on_heard(self, before: Mac, after: Mac) -> None:
        if before in self._heard:
            self._heard[after] = self._heard.pop(before)
        if before in self._heard_since:
            self._heard_since.remove(before)
            self._heard_since.add(after)

    def discovered(self) -> list[Discovered]:
        """Return the machines on the network that are none of the cluster, and not to be ignored."""
        index = self.index()
        found = (each for each in self.store.discovered() if each.mac not in index.by_mac)
        unknown = (each for each in found if not self.store.joined.has(each.mac))
        return [each for each in unknown if not index.desc.ignores(each.mac)]

    def settle(self, ip: IPv4Address | None) -> None:
        """End the doubt that a lost state left: nodes stay as they are, and a machine seen later counts as new."""
        for node in self.nodes():
            self.machine(node.mac)
        if self.store.doubt() is not None:
            self.store.settle(self._event(EventKind.SETTLED, None, ip, {}))

    def keep(self, before: Machine, after: Machine, ip: IPv4Address | None = None, **detail: str | int) -> Machine:
        """Keep the outcome of a step and return it; a new phase becomes an event in the same transaction."""
        if after is before or after == before:
            return after
        events = []
        if after.phase is not before.phase or after.since != before.since:
            events.append(self._event(after.phase, after.mac, ip, detail))
            self.observed.note_step(before, after)
        self.store.save(after, *events)
        return after

    def keep_all(self, steps: Sequence[tuple[Machine, Machine, IPv4Address | None]]) -> None:
        """Keep the outcomes of a step of many machines, each as before, after and its address, in one transaction."""
        changed = [(after, ip) for before, after, ip in steps if after != before]
        if not changed:
            return
        for before, after, _ in steps:
            self.observed.note_step(before, after)
        events = [self._event(after.phase, after.mac, ip, {"detail": after.reason or ""}) for after, ip in changed]
        self.store.save_all([after for after, _ in changed], events)

    def tell(
        self, kind: EventKind | Phase, mac: Mac | None, ip: IPv4Address | None = None, **detail: str | int
    ) -> None:
        """Keep an event that changes no machine's state."""
        self.store.add(self._event(kind, mac, ip, detail))

    def refuse(self, mac: Mac | None, address: IPv4Address | None, reason: str, path: str) -> None:
        """Tell that `address` was refused what it asked for, unless that was told within the last minute."""
        self.observed.refused.labels(reason).inc()
        if self._refusals.note(mac, address, reason, self.now()):
            self.tell(EventKind.REFUSED, mac, address, reason=reason, path=path)

    def keep_reason(self, before: Machine, after: Machine, address: IPv4Address | None) -> None:
        """Keep the reason that `address` gave a machine, unless it gave it the same within the last minute."""
        if after != before and self._reasons.note(after.mac, address, after.reason or "", self.now()):
            self.keep(before, after)

    def _event(
        self, kind: EventKind | Phase, mac: Mac | None, ip: IPv4Address | None, detail: dict[str, str | int]
    ) -> Event:
        shown = tuple((key, value) for key, value in detail.items() if value != "")
        return Event(self.now(), kind, mac, str(ip) if ip else None, shown)

    def _announce(self, event: Event) -> None:
        self.observed.events.labels(event.kind).inc()
        log("event", event.log_level, kind=event.kind, mac=event.mac, ip=event.ip, **dict(event.detail))
        self.listeners.call()

"""Which state is that of a node's machine where another of its cards became the one that it is known by. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass, replace
from datetime import datetime

from kboot_clusterdesc import Mac, Node
from kboot_clusterdesc.phase import CARDS_CHANGED

from .machine import Machine, declared_in_doubt, disarm, may_have_run
from .node_index import NodeIndex

_KNOWN_KEPT = 8  # MACs by which a machine was known


@dataclass(frozen=True, slots=True)
class Succession:
    """The states to be kept of a node's machine; the last one is of the machine known as `before`, if that is given."""

    states: tuple[Machine, ...] = ()
    before: Mac | None = None


def recarded(
    index: NodeIndex, before: NodeIndex | None, kept: Set[str], told: Mapping[str, Sequence[Mac]]
) -> Iterator[tuple[Node, list[Mac]]]:
    """Yield each node whose machine may be known by other MACs of which a state is kept, with those.

    Such are its own cards, what a node was known by that had one of them, and who `told` that it has one of them.
    """
    for node in index.desc.nodes:
        was = () if before is None else (before.identity(mac) for mac in node.macs)
        macs = dict.fromkeys((*node.macs, *was, *(other for mac in node.macs for other in told.get(mac, ()))))
        if others := [mac for mac in macs if mac != node.mac and mac in kept]:
            yield node, others


def told_cards(machines: Iterable[Machine]) -> dict[str, list[Mac]]:
    """Return which of the machines told of each card that it has it."""
    told: dict[str, list[Mac]] = {}
    for machine in machines:
        for card in machine.cards:
            told.setdefault(str(card.get("mac")), []).append(machine.mac)
    return told


def has_told(machine: Machine, mac: Mac) -> bool:
    """Return whether a machine told that it has the card `mac`."""
    return any(card.get("mac") == mac for card in machine.cards)


def succession(
    mac: Mac,
    own: Machine | None,
    others: Sequence[Machine],
    before: NodeIndex | None,
    now: datetime,
    taken: Set[Mac] = frozenset(),
    name: str | None = None,
    joined: Set[Mac] = frozenset(),
) -> Succession:
    """Return what becomes of the states of a node's machine, known by `mac` now and perhaps as one of `others` before.

    The state follows the machine where it told of the card itself, or the description before had both cards at one
    node, or this one at none. Where none is so, no boot installs anything by itself: any of them may run there.
    A state that is `taken`, since another node is or may be known by it, stays where it is. An arming is of the machine
    that was meant: it follows a node of the same `name` alone, or a machine that `joined` in its first install, and
    holds no longer where a machine that ran is added.
    """
    lived = [machine for machine in others if may_have_run(machine)]
    if not lived:
        return Succession()
    doubted = tuple(_in_doubt(machine) for machine in lived if machine.armed and machine.mac not in taken)
    if own is not None and _stays(own, lived):
        return Succession((*doubted, *_without_partition(own, lived, name, before)))
    if own is not None and may_have_run(own):
        # It may be another machine, which has none of that one's disks, and an installed one.
        doubt = replace(_in_doubt(own), boot_partition=None, may_be_installed=True, was=_were(mac, (own, *lived)))
        return Succession((*doubted, doubt))
    is_one = len(lived) == 1 and lived[0].mac not in taken and _is_same(lived[0], mac, before)
    if is_one and (not lived[0].armed or _is_named(lived[0], name, before) or _joins(lived[0], before, joined)):
        return Succession((replace(lived[0], mac=mac, was=_were(mac, lived)),), lived[0].mac)
    doubt = replace(declared_in_doubt(mac, now, CARDS_CHANGED), was=_were(mac, lived))
    return Succession((*doubted, doubt))


def _were(mac: Mac, machines: Sequence[Machine]) -> tuple[Mac, ...]:
    """Return the MACs, newest first, by which the config of a machine that is known by `mac` may know it still."""
    known = dict.fromkeys(each for machine in machines for each in (machine.mac, *machine.was))
    return tuple(each for each in known if each != mac)[:_KNOWN_KEPT]


def _in_doubt(machine: Machine) -> Machine:
    """Return the state of an armed machine whose card may be another one's by now: no boot installs it by itself."""
    return replace(disarm(machine), reason=CARDS_CHANGED)


def _stays(own: Machine, others: Sequence[Machine]) -> bool:
    """Return whether a machine keeps its state: it ran, or the operator armed it as one that may be any of the others.

    An older kboot did not keep as which; there it armed what is in doubt at the operator's word alone.
    """
    if own.armed and own.armed_cards is not None:
        return all(other.mac in own.armed_cards for other in others)
    return may_have_run(own) and (not own.armed or own.may_be_installed)


def _is_named(machine: Machine, name: str | None, before: NodeIndex | None) -> bool:
    """Return whether the node whose machine this was had the `name` of the node that it would be now."""
    node = None if before is None else before.by_mac.get(machine.mac)
    return node is not None and node.name == name


def _joins(machine: Machine, before: NodeIndex | None, joined: Set[Mac]) -> bool:
    """Return whether a machine joined, was no node's that was declared, and is in its first install."""
    is_undeclared = before is not None and machine.mac in joined and machine.mac not in before.by_mac
    return is_undeclared and not (machine.version or machine.ssh_host_keys or machine.may_be_installed)


def _without_partition(
    own: Machine, others: Sequence[Machine], name: str | None, before: NodeIndex | None
) -> Iterator[Machine]:
    """Yield the state of a MAC without its boot partition, where its card came to a node whose machine ran before.

    The partition is of the machine that had the card: who has it now would look for that for ever.
    """
    has_come = not _is_named(own, name, before) and any(_is_named(other, name, before) for other in others)
    if has_come and own.boot_partition is not None:
        yield replace(own, boot_partition=None, was=_were(own.mac, (own, *others)))


def _is_same(machine: Machine, mac: Mac, before: NodeIndex | None) -> bool:
    is_told = has_told(machine, mac)
    if is_told or before is None or not before.is_identity(machine.mac):
        return is_told
    return mac not in before.by_mac or before.identity(mac) == machine.mac

"""Looks at the fleet as a rollout sees it."""

from __future__ import annotations

import asyncio

from kboot_clusterdesc import Mac, Node, Phase
from kboot_clusterdesc.model import RebootStrategy
from kboot_clusterdesc.shared_files import AUTHORITY

from .api import ApiState
from .etcd_health import etcd_members, etcd_trouble
from .event import rfc3339
from .fleet import Fleet
from .machine import Machine
from .pieces import in_pieces
from .presence import RUNS
from .rollout_view import Member, Outcome, View
from .site_checks import checks_trouble
from .update_history import installed, newest_failure
from .update_offer import INSTALLS
from .update_window import closed_for_good, is_open, zone_of
from .updating_release import updating_release

_SHOWN = 5  # machines that are named


async def seen(fleet: Fleet, outcomes: dict[Mac, Outcome], trouble: str | None = None) -> View:
    """Return what is known of the fleet now; `trouble` is the cluster's, which `cluster_trouble` asks for."""
    members = dict(await in_pieces(fleet, lambda node: (node.mac, _member(fleet, node))))
    desc, now = fleet.desc(), fleet.now()
    update, hold = desc.os.update, fleet.rollouts.hold(now)
    return View(
        members=members,
        release=updating_release(fleet),
        is_wanted=update.enabled and update.reboot_strategy is RebootStrategy.ROLLOUT,
        is_open=is_open(update.window, zone_of(desc.os.timezone), now),
        closed_for_good=closed_for_good(update.window, desc.os.timezone),
        held_by=hold.by if hold is not None else None,
        trouble=trouble,
        has_kubernetes=desc.kubernetes is not None,
        max_parallel=update.max_parallel,
        outcomes=outcomes,
    )


async def cluster_trouble(fleet: Fleet, besides: str = "") -> str | None:
    """Ask how etcd, the API server and what the operator checks are; return what is wrong, None where all is well.

    This is the gate before any machine is taken down, by whatever work. The etcd member `besides` need not be well.
    """
    desc = fleet.desc()
    if desc.kubernetes is not None and fleet.kubernetes.state is not ApiState.ANSWERS:
        return f"no API server answers: {fleet.kubernetes.reason or 'none was asked yet'}"
    authority = fleet.settings.config / AUTHORITY
    found = await asyncio.gather(
        etcd_trouble(etcd_members(fleet), fleet.settings.tls, besides), checks_trouble(desc.os.update.checks, authority)
    )
    return "; ".join(each for each in found if each is not None) or None


async def machines_trouble(fleet: Fleet, besides: str) -> str | None:
    """Return which declared machines are not well and why, other than `besides`; None where all are.

    Those whose node bears the mark of who took it down do not count: they are down on purpose, or are to be mended.
    """
    declared = {node.mac for node in fleet.desc().nodes}

    def ill(node: Node) -> str | None:
        if node.mac not in declared or node.name == besides:
            return None
        member = _member(fleet, node)
        is_known = node.name in fleet.kubernetes.nodes
        return f"{node.name}: {member.trouble}" if member.trouble and _counts(member, is_known) else None

    found = [each for each in await in_pieces(fleet, ill) if each is not None]
    more = f" and {len(found) - _SHOWN} more" if len(found) > _SHOWN else ""
    return "; ".join(found[:_SHOWN]) + more if found else None


def _counts(member: Member, is_known: bool) -> bool:
    """Return whether a machine should be well: it ran, and nobody took it down."""
    return (member.is_part or is_known) and not member.is_marked


def _member(fleet: Fleet, node: Node) -> Member:
    machine, history = fleet.machine(node.mac), fleet.updates.history(node.mac)
    known = fleet.kubernetes.nodes.get(node.name)
    check = fleet.updates.checks.get(node.mac)
    word = fleet.rollouts.words.get(node.mac)
    # A client told to look again fails again before the next look here: what its word vouches for counts all the same.
    failure = newest_failure(history, fleet.rollouts.rollout.release, word.at) if word is not None else None
    return Member(
        node.name,
        tuple(node.roles),
        machine.version,
        not machine.armed and machine.phase in RUNS,
        _trouble(fleet, node),
        word,
        (failure.at, failure.error) if failure is not None else None,
        known is not None and known.is_marked,
        known.boot if known is not None else None,
        installed(history),
        _absence(machine),
        (check.at, check.reason) if check is not None and check.reason is not None else None,
    )


def _absence(machine: Machine) -> str | None:
    """Return why a machine does not run from its disk, as far as that is known of it."""
    if machine.phase is Phase.FAILED:
        return f"its install failed: {machine.reason}" if machine.reason else "its install failed"
    if machine.armed:
        return "it is to be installed"
    return "it is being installed" if machine.phase in INSTALLS else None


def _trouble(fleet: Fleet, node: Node) -> str | None:
    """Return why a machine is not well; what no API server tells while none answers is the cluster's trouble."""
    if (since := fleet.presence.missing_since(node.mac)) is not None:
        return f"it does not answer since {rfc3339(since)}"
    if fleet.desc().kubernetes is None or fleet.kubernetes.state is not ApiState.ANSWERS:
        return None
    known = fleet.kubernetes.nodes.get(node.name)
    if known is None:
        return "the API server has no node of this name"
    return None if known.is_ready else known.reason or "its node is not Ready"

"""What a person does to machines, by the API or by the page: arm, disarm, forget, and end a doubt."""

from __future__ import annotations

from typing import Annotated

from fastapi import Query, Request
from fastapi.responses import Response

from kboot_clusterdesc import EventKind, Mac, Node, Phase, Role

from . import machine as life
from .caller import PathMac, ServedFleet, operator_of
from .etcd_health import etcd_members, kept_vote
from .event import Event
from .fleet import Fleet
from .nodes import all_nodes, one_node_shown
from .person import Person, note_action
from .problem import ProblemError

INSTALLED = (Phase.CONFIGURED, Phase.INSTALLED, Phase.RUNNING, Phase.READY)


async def arm(
    request: Request,
    fleet: ServedFleet,
    mac: PathMac,
    force: Annotated[bool, Query(description="also one that has a vote in etcd still")] = False,
) -> Response:
    """Arm a node and show it; only the operator token may."""
    fleet.node(mac)
    await arm_machine(fleet, operator_of(fleet, request, mac), mac, force=force)
    return one_node_shown(fleet, mac)


async def disarm(request: Request, fleet: ServedFleet, mac: PathMac) -> Response:
    """Disarm a node and show it; only the operator token may."""
    fleet.node(mac)
    disarm_machine(fleet, operator_of(fleet, request, mac), mac)
    return one_node_shown(fleet, mac)


async def forget(
    request: Request,
    fleet: ServedFleet,
    mac: PathMac,
    force: Annotated[bool, Query(description="also one that is installed")] = False,
) -> Response:
    """Forget a machine that is not declared, discovered or joined; only the operator token may."""
    forget_machine(fleet, operator_of(fleet, request, mac), mac, force=force)
    return Response(status_code=204)


async def settle(request: Request, fleet: ServedFleet) -> Response:
    """End the doubt that a lost state left; only the operator token may."""
    person = operator_of(fleet, request, None)
    note_action(fleet, person, "settle")
    fleet.settle(person.address)
    return await all_nodes(fleet)


async def arm_machine(fleet: Fleet, person: Person, mac: Mac, *, force: bool = False) -> None:
    """Let the next network boot of a node install it; answer 409 where it is not to be installed, or has a vote still.

    What an etcd member or a control plane takes along `kboot node reinstall` looks at.
    """
    node = fleet.node(mac)
    if not fleet.may_install(mac):
        raise ProblemError(409, f"{mac} is not declared, and the description lets no machine join any more: declare it")
    if not force and (trouble := await _kept_vote(fleet, node)) is not None:
        raise ProblemError(409, f"{trouble}; `kboot node reinstall {node.name} --force` arms it all the same")
    note_action(fleet, person, "arm", mac)
    fleet.store.save(life.arm(fleet.machine(mac), fleet.now(), fleet.cards_of(mac)))
    fleet.tell(EventKind.ARMED, mac, person.address)


async def _kept_vote(fleet: Fleet, node: Node) -> str | None:
    """Return that etcd counts on the vote of a machine that an install would take; an armed one counts as gone."""
    if Role.ETCD in node.roles or not fleet.is_declared(node.mac) or fleet.machine(node.mac).armed:
        return None
    return await kept_vote(node.name, etcd_members(fleet), fleet.settings.tls)


def disarm_machine(fleet: Fleet, person: Person, mac: Mac) -> None:
    """Let the next network boot of a node start what is on its disk."""
    note_action(fleet, person, "disarm", mac)
    fleet.store.save(life.disarm(fleet.machine(mac)))
    fleet.tell(EventKind.DISARMED, mac, person.address)


def forget_machine(fleet: Fleet, person: Person, mac: Mac, *, force: bool = False) -> None:
    """Drop what is kept of an undeclared machine; answer 409 where it is declared or installed, 404 if not known."""
    if fleet.is_declared(mac):
        raise ProblemError(409, f"{mac} is declared: take it out of the description first")
    if not fleet.store.knows(mac):
        raise ProblemError(404, f"nothing is known of {mac}")
    if not force and (phase := fleet.machine(mac).phase) in INSTALLED:
        raise ProblemError(
            409,
            f"{mac} is {phase}: forgotten, its next boot from the network would install it afresh. Declare it, "
            "or take it off the network first, then forget it by force",
        )
    note_action(fleet, person, "forget", mac)
    lease = fleet.leases.lease_of(mac, fleet.now())
    detail = (("lease", lease.expires),) if lease else ()
    address = str(person.address) if person.address else None
    fleet.store.forget(mac, lease, Event(fleet.now(), EventKind.FORGOTTEN, mac, address, detail))

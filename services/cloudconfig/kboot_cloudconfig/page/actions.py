"""What the forms of the page do, for who is logged in; each goes back to where its outcome is seen."""

from __future__ import annotations

from fastapi import Request
from fastapi.responses import Response

from kboot_clusterdesc import Node, Role

from ..caller import PathMac, ServedFleet
from ..node_commands import arm_machine, disarm_machine, forget_machine
from ..problem import ProblemError
from ..rollout_control import ResumeWord, StartWord, pause_rollout, resume_rollout, start_rollout
from .answer import go_to
from .session import person_of

ROLLOUT = "/cluster#releases"


def is_armed_by_kboot_alone(node: Node) -> bool:
    """Return whether a machine keeps what all depends on: etcd's quorum is looked at first, which the page cannot."""
    return bool({Role.CONTROL_PLANE, Role.ETCD} & set(node.roles))


async def arm_by_form(request: Request, fleet: ServedFleet, mac: PathMac) -> Response:
    """Arm a node; only a login to the page may."""
    node = fleet.node(mac)
    person, _, form = await person_of(request, fleet, mac)
    if is_armed_by_kboot_alone(node):
        raise ProblemError(409, f"`kboot node reinstall {node.name}` looks first what would go with it: type that")
    if form.get("sure") != "yes":
        raise ProblemError(409, "the box was not ticked by which you say that its disk may be written anew")
    await arm_machine(fleet, person, mac)
    return go_to(f"/machines/{mac.dashed}")


async def disarm_by_form(request: Request, fleet: ServedFleet, mac: PathMac) -> Response:
    """Disarm a node; only a login to the page may."""
    fleet.node(mac)
    person, _, _ = await person_of(request, fleet, mac)
    disarm_machine(fleet, person, mac)
    return go_to(f"/machines/{mac.dashed}")


async def forget_by_form(request: Request, fleet: ServedFleet, mac: PathMac) -> Response:
    """Forget a machine that is not declared, nor installed; only a login to the page may."""
    person, _, _ = await person_of(request, fleet, mac)
    forget_machine(fleet, person, mac)
    return go_to("/")


async def start_by_form(request: Request, fleet: ServedFleet) -> Response:
    """Begin a rollout of the release that the button named; only a login to the page may."""
    person, _, form = await person_of(request, fleet)
    await start_rollout(fleet, person, StartWord(release=form.get("release", "")[:60]))
    return go_to(ROLLOUT)


async def pause_by_form(request: Request, fleet: ServedFleet) -> Response:
    """Let no machine begin in a rollout; only a login to the page may."""
    person, _, _ = await person_of(request, fleet)
    pause_rollout(fleet, person)
    return go_to(ROLLOUT)


async def resume_by_form(request: Request, fleet: ServedFleet) -> Response:
    """Let a rollout go on that pauses or halted; only a login to the page may."""
    person, _, _ = await person_of(request, fleet)
    resume_rollout(fleet, person, ResumeWord())
    return go_to(ROLLOUT)

"""Says whose turn it is to take a new OS, by what the description wants."""

from __future__ import annotations

from kboot_clusterdesc import Mac
from kboot_clusterdesc.model import RebootStrategy

from .fleet import Fleet
from .releases import NO_RELEASE
from .rollout import State
from .rollout_answer import offered_release
from .update_offer import Turn


def turn_of(fleet: Fleet, mac: Mac) -> Turn:
    """Return the release that a machine may take now, or why it is to take none."""
    hold, rollout = fleet.rollouts.hold(fleet.now()), fleet.rollouts.rollout
    is_held = hold is not None and mac in hold.turns
    if fleet.desc().os.update.reboot_strategy is not RebootStrategy.ROLLOUT and not is_held:
        return Turn(fleet.release_in_force(), NO_RELEASE)
    if (release := offered_release(rollout, hold, mac)) is not None:
        return Turn(release)
    if rollout.state is State.IDLE:
        return Turn(None, "no rollout is under way")
    why = f": {rollout.reason}" if rollout.reason else ""
    return Turn(None, f"it is not its turn: the rollout of {rollout.release} is {rollout.state.value}{why}")

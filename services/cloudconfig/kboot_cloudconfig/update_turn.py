"""Says whose turn it is to take a new OS, by what the description wants."""

from __future__ import annotations

from kboot_clusterdesc import Mac
from kboot_clusterdesc.model import RebootStrategy

from .fleet import Fleet
from .releases import NO_RELEASE
from .rollout import State
from .rollout_answer import offered_release
from .update_history import fell_back_from
from .update_offer import Turn


def turn_of(fleet: Fleet, mac: Mac) -> Turn:
    """Return the release that a machine may take now, or why it is to take none."""
    hold, rollout = fleet.rollouts.hold(fleet.now()), fleet.rollouts.rollout
    is_held = hold is not None and mac in hold.turns
    strategy = fleet.desc().os.update.reboot_strategy
    if strategy is RebootStrategy.ETCD_LOCK and hold is not None and not is_held:
        return Turn(None, f"it waits for {hold.by}: once it has a release, it reboots by its lock in etcd alone")
    if strategy is not RebootStrategy.ROLLOUT and not is_held:
        return _own_turn(fleet, mac)
    if (release := offered_release(rollout, hold, mac)) is not None:
        return Turn(release, is_given=True)
    if rollout.state is State.IDLE:
        return Turn(None, "no rollout is under way")
    why = f": {rollout.reason}" if rollout.reason else ""
    return Turn(None, f"it is not its turn: the rollout of {rollout.release} is {rollout.state.value}{why}")


def _own_turn(fleet: Fleet, mac: Mac) -> Turn:
    """Return the release in force, but for a machine that went back from it: it would install it again for ever."""
    version = fleet.release_in_force()
    if version is not None and version == fell_back_from(fleet.updates.history(mac)):
        return Turn(None, f"it went back from {version}: a newer release will be offered, or `kboot node reinstall`")
    return Turn(version, NO_RELEASE)

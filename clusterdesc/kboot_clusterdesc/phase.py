"""The phases of a machine's life, in their order."""

from __future__ import annotations

from enum import StrEnum


class Phase(StrEnum):
    """How far a machine is from its first DHCP request to its Kubernetes node being Ready, or that it failed."""

    DISCOVERED = "discovered"  # asked for an address, and is not declared
    WAITING = "waiting"
    LEASED = "leased"
    BOOTING = "booting"
    INSTALLING = "installing"
    CONFIGURED = "configured"
    INSTALLED = "installed"
    RUNNING = "running"
    READY = "ready"
    FAILED = "failed"


# Why a machine is not armed that may be installed already: the database that would tell was lost.
STATE_LOST = "not armed: the state was lost"
# The same, where it is not known whose card the node's `mac` was before.
CARDS_CHANGED = "not armed: its cards were declared anew, and it may be installed already"
MAY_BE_INSTALLED = (STATE_LOST, CARDS_CHANGED)
# Why a machine is not armed that the operator armed: an old copy of the state, by what the machine tells, is in force.
INSTALLED_SINCE = "not armed: it was installed again after it was armed, and the state that has it armed is an old copy"

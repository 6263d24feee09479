"""The phases of a machine's life, in their order."""

from __future__ import annotations

from enum import StrEnum


class Phase(StrEnum):
    """Where a machine stands between its first DHCP request and its Kubernetes node being Ready."""

    DISCOVERED = "discovered"  # no one declared it
    WAITING = "waiting"
    LEASED = "leased"
    BOOTING = "booting"
    INSTALLING = "installing"
    CONFIGURED = "configured"
    INSTALLED = "installed"
    RUNNING = "running"
    READY = "ready"
    FAILED = "failed"


# The reason of a machine that may be installed already: nobody knows, since the state was lost.
STATE_LOST = "not armed: the state was lost"

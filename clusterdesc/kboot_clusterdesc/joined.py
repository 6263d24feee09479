"""Undeclared machines that join as workers: the names and marks that launcher and cloud-config server share."""

from __future__ import annotations

from datetime import timedelta

from .model import Node, Role
from .types import Mac

FOLDER = "worker"  # below `nodes/`: holds the one node config that all joining machines are given
SEED_FILE = "join-seed"  # beside the cloud-config server's certificates
TOKEN_LIFE = timedelta(hours=4)  # of a bootstrap token: it must last from the node config to the first boot from disk

# Marks in that node config, which the server replaces by the values of the machine that asks. The MAC is a locally
# administered one that spells `kboot`.
STAND_IN_MAC = Mac("02:6b:62:6f:6f:74")
REPORT_TOKEN_MARK = "@kboot:report-token@"  # noqa: S105 - a mark, no secret
JOIN_TOKEN_MARK = "@kboot:join-token@"  # noqa: S105 - a mark, no secret


def joined_node(mac: Mac) -> Node:
    """Return the node that an undeclared machine becomes: a worker, called after its MAC."""
    return Node(mac=mac, name=mac.dashed, roles=(Role.WORKER,))


def may_join(mac: Mac) -> bool:
    """Whether a machine can have this MAC: no group address, not zero, and not the mark in the node config."""
    return not int(mac[:2], 16) & 1 and mac not in ("00:00:00:00:00:00", STAND_IN_MAC)

"""Machines that no one declared and that become workers: what launcher and cloud-config server agree on."""

from __future__ import annotations

from datetime import timedelta

from .model import Node, Role
from .types import Mac

FOLDER = "worker"  # below `nodes/`: the one node config of all of them
SEED_FILE = "join-seed"  # beside the cloud-config server's certificates
TOKEN_LIFE = timedelta(hours=4)  # of a bootstrap token: from the node config to the first boot from the disk

# What stands in that node config for what is a machine's own. The MAC spells `kboot`, locally administered.
STAND_IN_MAC = Mac("02:6b:62:6f:6f:74")
REPORT_TOKEN_MARK = "@kboot:report-token@"  # noqa: S105 - where a token goes
JOIN_TOKEN_MARK = "@kboot:join-token@"  # noqa: S105 - where a token goes


def joined_node(mac: Mac) -> Node:
    """The node that an undeclared machine becomes: a worker, called after its MAC."""
    return Node(mac=mac, name=mac.dashed, roles=(Role.WORKER,))


def may_join(mac: Mac) -> bool:
    """Whether a machine can have this MAC: no group address, and not the one that stands for all."""
    return not int(mac[:2], 16) & 1 and mac not in ("00:00:00:00:00:00", STAND_IN_MAC)

"""Judges whether a description leaves any member of etcd that the members after it can join."""

from __future__ import annotations

from kboot_clusterdesc import ClusterDesc, ClusterFolder

from ..running.status import read_nodes
from .skew import installed


def reason_against_members(folder: ClusterFolder, before: ClusterDesc, after: ClusterDesc) -> tuple[str, str] | None:
    """Return why the members of `after` would form an empty etcd beside the one that stands, and the way out.

    None where a member stays, known by its name or a card, where none was installed, or where no etcd is to be.
    """
    if not before.etcd_members or not after.etcd_members:
        return None
    names = {member.name for member in after.etcd_members}
    cards = {mac for member in after.etcd_members for mac in (member.mac, *member.more_macs)}
    left = [each.name for each in before.etcd_members if each.name in names or each.mac in cards]
    if left or not (standing := installed(folder, before.etcd_members, read_nodes(folder, before))):
        return None
    return (
        f"none of the etcd members that are installed is one any more: {', '.join(standing)}; "
        f"{', '.join(sorted(names))} would find nobody to join, and form an empty etcd",
        f"keep the role `etcd` on {standing[0]} until the others vote, and take it away in a later edit; docs/etcd.md",
    )

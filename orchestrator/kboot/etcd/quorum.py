"""Who of etcd has a vote at this moment, and how many votes it takes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from ipaddress import IPv4Address

from kboot_clusterdesc import ClusterDesc, ClusterFolder, Mac

from ..running.cluster_health import PartHealth, read_etcd_health
from ..running.etcd_client import ListedMember, client_context, listed_members
from ..running.tls_client import Fault


@dataclass(frozen=True, slots=True)
class Voters:
    """The declared members; one that is well is healthy and has a vote."""

    members: tuple[PartHealth, ...]
    listed: int = 0  # voters that etcd itself counts, those declared no longer too; 0: nobody could be asked

    @property
    def quorum(self) -> int:
        """How many must stand for anything to be decided."""
        return max(len(self.members), self.listed) // 2 + 1

    def missing(self, besides: str) -> list[PartHealth]:
        """The members that have no vote now, other than `besides`."""
        return [member for member in self.members if not member.is_well and member.name != besides]

    def standing(self, without: str) -> int:
        """How many are left once `without` is gone."""
        return len(self.members) - len(self.missing(without)) - 1


def read_voters(desc: ClusterDesc, folder: ClusterFolder, addresses: Mapping[Mac, IPv4Address]) -> Voters:
    """The members of etcd as voters, in the order of `etcd_members`: a learner is healthy and yet has no vote."""
    health = read_etcd_health(desc, folder, addresses)
    listed = _listed(desc, folder, addresses, health)
    if listed is None:
        return Voters(health)
    learners = {each.name for each in listed if each.is_learner}
    return Voters(tuple(_as_voter(part, learners) for part in health), sum(not each.is_learner for each in listed))


def _as_voter(part: PartHealth, learners: set[str]) -> PartHealth:
    if part.is_well and part.name in learners:
        return replace(part, is_well=False, reason="is a learner still, without a vote")
    return part


def _listed(
    desc: ClusterDesc, folder: ClusterFolder, addresses: Mapping[Mac, IPv4Address], health: tuple[PartHealth, ...]
) -> list[ListedMember] | None:
    """The list of the first healthy member that gives one, which a learner does not."""
    well = [node for node, part in zip(desc.etcd_members, health, strict=True) if part.is_well]
    if not well:
        return None
    context = client_context(desc, folder.pki)
    for node in well:
        try:
            return listed_members(node.name, addresses[node.mac], context)
        except Fault:
            continue
    return None

"""The etcd members that have a vote at one moment, and how many votes a decision takes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from ipaddress import IPv4Address

from kboot_clusterdesc import ClusterDesc, ClusterFolder, Mac

from ..node.roles.etcd import PEER_PORT, host_of
from ..running.cluster_health import PartHealth, read_etcd_health
from ..running.etcd_client import ListedMember, client_context, listed_members
from ..running.tls_client import Fault


@dataclass(frozen=True, slots=True)
class Voters:
    """The declared etcd members; `is_well` of a member says that it is healthy and has a vote."""

    members: tuple[PartHealth, ...]
    listed: int = 0  # voters that etcd itself counts, also those no longer declared; 0: nobody could be asked
    former: tuple[ListedMember, ...] = ()  # voters that are declared as members no longer
    newcomers: frozenset[str] = frozenset()  # declared as members, and certainly not known to etcd yet

    @property
    def quorum(self) -> int:
        """The number of votes that a decision takes."""
        return max(len(self.counted), self.listed) // 2 + 1

    @property
    def counted(self) -> tuple[PartHealth, ...]:
        """The declared members without those that etcd does not know yet, which no decision waits for."""
        return tuple(member for member in self.members if member.name not in self.newcomers)

    def missing(self, besides: str) -> list[PartHealth]:
        """Return the members that have no vote now and should, other than `besides`."""
        return [member for member in self.counted if not member.is_well and member.name != besides]

    def standing(self, without: str) -> int:
        """Return how many members still have a vote once `without` is gone."""
        return sum(bool(member.is_well) for member in self.members if member.name != without)


def read_voters(desc: ClusterDesc, folder: ClusterFolder, addresses: Mapping[Mac, IPv4Address]) -> Voters:
    """Return the etcd members as voters, in the order of `etcd_members`: a learner is healthy and yet has no vote."""
    health = read_etcd_health(desc, folder, addresses)
    listed = _listed(desc, folder, addresses, health)
    if listed is None:
        return Voters(health)
    learners = {each.name for each in listed if each.is_learner}
    voters = [each for each in listed if not each.is_learner]
    peers = {member.name: f"https://{host_of(desc, member)}:{PEER_PORT}" for member in desc.etcd_members}
    known = {name: [each for each in listed if each.name == name or url in each.peers] for name, url in peers.items()}
    former = tuple(each for each in voters if not any(each in found for found in known.values()))
    # While a voter is nobody's that is declared, it may be one of these by the name that it had.
    newcomers = frozenset(name for name, found in known.items() if not found) if not former else frozenset()
    return Voters(tuple(_as_voter(part, learners) for part in health), len(voters), former, newcomers)


def _as_voter(part: PartHealth, learners: set[str]) -> PartHealth:
    if part.is_well and part.name in learners:
        return replace(part, is_well=False, reason="is a learner still, without a vote")
    return part


def _listed(
    desc: ClusterDesc, folder: ClusterFolder, addresses: Mapping[Mac, IPv4Address], health: tuple[PartHealth, ...]
) -> list[ListedMember] | None:
    """Return the member list of the first healthy member that gives one (a learner does not); None without any."""
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

"""Checks what a cluster would lose with a machine, for good or for a moment: etcd's quorum, the last API server."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from ipaddress import IPv4Address

from kboot_clusterdesc import ClusterDesc, ClusterFolder, Mac, Node, Role
from kboot_clusterdesc.phase import MAY_BE_INSTALLED

from ..etcd.quorum import Voters, read_voters
from ..host.waiting import looks
from ..node.patience import patience_of
from ..running.cloudconfig_client import JsonObject
from ..running.cluster_health import PartHealth, read_api_health
from ..running.etcd_client import ListedMember
from ..running.status import addresses_of


@dataclass(frozen=True, slots=True)
class Objection:
    """A reason why a machine should not be touched now, and the way out."""

    message: str
    hint: str
    may_pass: bool = False  # by itself, within seconds: a machine under load answers late


@dataclass(frozen=True, slots=True)
class Standing:
    """The cluster at one moment, as the checks see it; `standing_of` makes it."""

    folder: ClusterFolder
    desc: ClusterDesc
    addresses: Mapping[Mac, IPv4Address]
    armed: Mapping[str, str]  # machine -> how far its install is; an armed machine counts as gone
    was_formed: bool  # whether any member of etcd ever ran from its disk, as far as is known

    def left(self, parts: tuple[PartHealth, ...]) -> tuple[PartHealth, ...]:
        """Return the parts, with those of armed machines set to not well."""
        return tuple(
            replace(part, is_well=False, reason=self.armed[part.name]) if part.name in self.armed else part
            for part in parts
        )


def standing_of(folder: ClusterFolder, desc: ClusterDesc, machines: Sequence[JsonObject]) -> Standing:
    """Return how the cluster stands, given `machines` as the cloud-config server knows them."""
    members = {member.mac for member in desc.etcd_members}
    return Standing(
        folder,
        desc,
        addresses_of(list(machines)),
        {machine["name"]: _how_far(machine) for machine in machines if machine["armed"]},
        any(_was_installed(machine) for machine in machines if machine["mac"] in members),
    )


def losses(cluster: Standing, node: Node, *, comes_back: bool = False) -> list[Objection]:
    """Return what the cluster would lose with the node, looked at again while an objection may pass by itself.

    With `comes_back` the node keeps its data and is away for a moment alone: the only member of etcd or the only API
    server may be so.
    """
    found: list[Objection] = []
    for _ in looks(patience_of(cluster.desc).etcd_check_s, 1):
        found = [*_of_etcd(cluster, node, comes_back), *_of_the_api(cluster, node, comes_back)]
        if not any(each.may_pass for each in found):
            break
    return found


def _of_etcd(cluster: Standing, node: Node, comes_back: bool) -> Iterator[Objection]:
    """Yield an objection where etcd would lose its quorum or its only member."""
    if not cluster.desc.etcd_members:
        return
    voters = read_voters(cluster.desc, cluster.folder, cluster.addresses)
    if Role.ETCD not in node.roles:
        yield from (_still_votes(cluster.desc, each) for each in voters.former if each.name == node.name)
        return
    if not cluster.was_formed and not any(part.is_well for part in voters.members):
        return
    if node.name in voters.newcomers:
        return
    if len(voters.counted) == 1:
        if comes_back:
            return
        yield Objection(
            f"{node.name} is the only member of etcd, and what it holds would be lost",
            "`kboot etcd snapshot` saves that, `kboot etcd restore` puts it back",
        )
        return
    voters = replace(voters, members=cluster.left(voters.members))
    if voters.standing(without=node.name) < voters.quorum:
        yield _no_quorum(voters, node, cluster.armed)


def _still_votes(desc: ClusterDesc, member: ListedMember) -> Objection:
    """Return the objection to taking away a machine that lost the role in the description, and not in etcd."""
    return Objection(
        f"{member.name} is declared as no member of etcd, and has a vote there still, which etcd counts on",
        f"on {desc.etcd_members[0].name} `sudo kboot-etcd ctl member remove {member.id}` takes the vote away",
    )


def _no_quorum(voters: Voters, node: Node, armed: Mapping[str, str]) -> Objection:
    missing = [part for part in voters.members if not part.is_well and part.name != node.name]
    left = f"{voters.standing(without=node.name)} of {len(voters.counted)} members of etcd would be left with a vote"
    message = f"{left}, and it takes {voters.quorum}: {_listed(missing)}"
    if voters.listed > len(voters.counted):
        more = f"etcd counts {voters.listed} voters, more than are declared"
        message = f"{message}{'; ' if missing else ''}{more}"
        return Objection(message, "on a member, `sudo kboot-etcd ctl member remove` those that are no more")
    names = ", ".join(part.name for part in missing)
    disarms = ", ".join(f"`kboot node disarm {part.name}`" for part in missing if part.name in armed)
    way = f"wait until {names} votes again, as `kboot status` has it, and on a member `sudo kboot-etcd ctl member list`"
    may_pass = any(part.name not in armed for part in missing)
    return Objection(message, f"{way}; {disarms} takes an arming back" if disarms else way, may_pass)


def _of_the_api(cluster: Standing, node: Node, comes_back: bool) -> Iterator[Objection]:
    """Yield an objection where no API server would be left that answers."""
    if Role.CONTROL_PLANE not in node.roles:
        return
    parts = cluster.left(read_api_health(cluster.desc, cluster.folder, cluster.addresses))
    if [part.name for part in parts if part.is_well] != [node.name]:
        return
    others = [part for part in parts if part.name != node.name]
    if comes_back and not others:
        return
    yield Objection(
        f"{node.name} has the last API server that answers" + (f": {_listed(others)}" if others else ""),
        "wait until `kboot status` calls another one ready" if others else "Kubernetes is away until it is back",
        may_pass=any(part.name not in cluster.armed for part in others),
    )


def _listed(parts: Sequence[PartHealth]) -> str:
    return "; ".join(f"{part.name} {part.reason}" for part in parts)


def _how_far(machine: JsonObject) -> str:
    if machine["phase"] in ("waiting", "leased"):
        return "is armed and not yet power-cycled"
    if machine["phase"] == "failed":
        return f"failed: {machine['reason']}"
    return f"is being installed ({machine['phase']})"


def _was_installed(machine: JsonObject) -> bool:
    """Return whether a machine was installed, or may have been before the state was lost.

    Arming a machine forgets its phases, and keeps the OS release that it last reported.
    """
    phases = {"installed", "running", "ready"} & set(machine["phases"])
    return bool(phases) or machine.get("version") is not None or machine["reason"] in MAY_BE_INSTALLED

"""Rules for the links of servers: what bonds and VLANs name is there, once, and can be together."""

from __future__ import annotations

from collections.abc import Iterator

from ..links import BOOT, BondMode, Links
from ..model import ClusterDesc
from ..os_family import Family
from ..problem import Problem, dotted
from ..source import Tree
from .at import Steps, problem_at

_HASHED = (BondMode.LACP, BondMode.BALANCE_XOR, BondMode.BALANCE_TLB)


def check_links(desc: ClusterDesc, tree: Tree) -> Iterator[Problem]:
    """Yield a problem for each bond or VLAN that no machine could have, where it is written."""
    if desc.os.family is Family.COREOS:
        yield from _needs_permanent_macs(desc, tree)
    for path, links in _all_links(desc):
        yield from _names(tree, path, links)
        yield from _members(tree, path, links)
        yield from _modes(tree, path, links)
        yield from _vlans(tree, path, links)


def check_cards(desc: ClusterDesc, tree: Tree) -> Iterator[Problem]:
    """Yield a problem for each link of a node that is made of a card which the node does not name, and for its MACs."""
    nodes = list(enumerate(desc.nodes))
    owners = {mac: f"nodes[{i}].more_macs" for i, node in nodes for mac in node.more_macs}
    owners |= {node.mac: f"nodes[{i}].mac" for i, node in reversed(nodes)}
    for i, node in enumerate(desc.nodes):
        path: Steps = ("nodes", i, "cards")
        for name, mac in node.cards.items():
            key = dotted((*path, name))
            if name == BOOT:
                yield problem_at(tree, (*path, name), "is the card of `mac`", "give this one another name")
            elif (owner := owners.setdefault(mac, key)) != key:
                message = f"{mac} is the MAC of {owner} too"
                yield problem_at(tree, (*path, name), message, "write the MAC of this card", given=(owner,))
        yield from _unnamed_cards(desc, tree, i)


def _unnamed_cards(desc: ClusterDesc, tree: Tree, i: int) -> Iterator[Problem]:
    node = desc.nodes[i]
    links = desc.links_of(node)
    holder: Steps = ("nodes", i, "links") if node.links else ("network", "links")
    given = ("network.links", f"nodes[{i}].links")
    made = {each.name for each in links.made}
    cards = node.all_cards
    for name in cards:
        if name in made:
            message = f"{dotted(holder)} has a bond or VLAN of that name"
            yield problem_at(tree, ("nodes", i, "cards", name), message, "rename one", given)
    for path, user, name in _uses(links):
        if name not in made and name not in cards:
            at: Steps = (*holder, *path) if node.links else ("nodes", i)
            yield problem_at(
                tree,
                at,
                f"{user} of {dotted(holder)} takes `{name}`, and this node names no such card",
                f"known: {', '.join([*cards, *sorted(made)])}; a card is named by `cards: {{{name}: MAC}}`",
                given=(*given, f"nodes[{i}].cards"),
            )


def _uses(links: Links) -> Iterator[tuple[Steps, str, str]]:
    """Yield each name of a link that another key takes: the path of it, who takes it, the name."""
    for i, bond in enumerate(links.bonds):
        for j, member in enumerate(bond.members):
            yield ("bonds", i, "members", j), f"`{bond.name}`", member
    for i, vlan in enumerate(links.vlans):
        yield ("vlans", i, "link"), f"`{vlan.name}`", vlan.link
    if links.address_on is not None:
        yield ("address_on",), "`address_on`", links.address_on


def _needs_permanent_macs(desc: ClusterDesc, tree: Tree) -> Iterator[Problem]:
    """Yield a problem for each key whose files match a card by PermanentMACAddress=, new in systemd 245."""
    used: list[Steps] = [path for path, _ in _all_links(desc)]
    used += [("nodes", i, "cards") for i, node in enumerate(desc.nodes) if node.cards]
    used += [("nodes", i, "addresses") for i, node in enumerate(desc.nodes) if node.addresses]
    for path in used:
        yield problem_at(
            tree,
            path,
            "is not for `family: coreos`, whose systemd does not know a card by the MAC it was made with",
            "leave it out, or write files of systemd-networkd into a fragment (os.extra)"
            + ("; cards that it may boot by are `more_macs`" if path[-1] == "cards" else ""),
            given=("os.family",),
        )


def _all_links(desc: ClusterDesc) -> Iterator[tuple[Steps, Links]]:
    if desc.network.links is not None:
        yield ("network", "links"), desc.network.links
    for i, node in enumerate(desc.nodes):
        if node.links is not None:
            yield ("nodes", i, "links"), node.links


def _names(tree: Tree, path: Steps, links: Links) -> Iterator[Problem]:
    first: dict[str, str] = {}
    places = [("bonds", i) for i in range(len(links.bonds))] + [("vlans", i) for i in range(len(links.vlans))]
    for place, link in zip(places, links.made, strict=True):
        here: Steps = (*path, *place, "name")
        if link.name == BOOT:
            yield problem_at(tree, here, "`boot` is the card of each node's `mac`", "take another name")
        elif (other := first.setdefault(link.name, dotted(here))) != dotted(here):
            message = f"`{link.name}` is the name of {other} too"
            yield problem_at(tree, here, message, "give each link its own name", given=(other,))


def _members(tree: Tree, path: Steps, links: Links) -> Iterator[Problem]:
    made = {each.name for each in links.made}
    first: dict[str, str] = {}
    for i, bond in enumerate(links.bonds):
        for j, member in enumerate(bond.members):
            here: Steps = (*path, "bonds", i, "members", j)
            other = first.setdefault(member, dotted(here))
            if other != dotted(here):
                message = f"`{member}` is a member already, by {other}"
                yield problem_at(tree, here, message, "a card is in one bond, once", given=(other,))
            elif member in made:
                yield problem_at(tree, here, f"`{member}` is no card", "a bond is made of cards")
    if links.address_on is not None and (bond_name := links.bond_of(links.address_on)):
        yield problem_at(
            tree,
            (*path, "address_on"),
            f"`{links.address_on}` is a member of `{bond_name}`, and a member has no address",
            f"write `address_on: {bond_name}`",
        )


def _modes(tree: Tree, path: Steps, links: Links) -> Iterator[Problem]:
    for i, bond in enumerate(links.bonds):
        here: Steps = (*path, "bonds", i)
        given = (dotted((*here, "mode")),)
        if bond.lacp_rate is not None and bond.mode is not BondMode.LACP:
            message = f"is a matter of LACP, and the mode of `{bond.name}` is {bond.mode}"
            yield problem_at(tree, (*here, "lacp_rate"), message, "leave it out, or write `mode: 802.3ad`", given)
        if bond.hash_policy is not None and bond.mode not in _HASHED:
            message = f"decides nothing with mode {bond.mode}, where one member sends at a time"
            yield problem_at(tree, (*here, "hash_policy"), message, "leave it out, or choose another mode", given)


def _vlans(tree: Tree, path: Steps, links: Links) -> Iterator[Problem]:
    first: dict[tuple[str, int], str] = {}
    for i, vlan in enumerate(links.vlans):
        here: Steps = (*path, "vlans", i)
        other = first.setdefault((vlan.link, vlan.id), dotted((*here, "id")))
        if other != dotted((*here, "id")):
            message = f"{vlan.id} on `{vlan.link}` is {other} too"
            yield problem_at(tree, (*here, "id"), message, "a tag stands once on a link", given=(other,))
        if bond_name := links.bond_of(vlan.link):
            message = f"`{vlan.link}` is a member of `{bond_name}`"
            yield problem_at(tree, (*here, "link"), message, f"write `link: {bond_name}`")
        elif any(each.name == vlan.link for each in links.vlans):
            message = f"`{vlan.link}` is a VLAN itself"
            yield problem_at(tree, (*here, "link"), message, "name a card or a bond")
        below, own = links.mtu_of(vlan.link), links.mtu_of(vlan.name)
        if own is not None and own > (below or 1500):
            message = f"{own} is more than the {below or 1500} of `{vlan.link}`, which carries it"
            hint = f"raise the MTU of `{vlan.link}`, or take {below or 1500}"
            yield problem_at(tree, (*here, "mtu"), message, hint, given=(dotted(path),))

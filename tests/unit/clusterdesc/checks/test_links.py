"""Bonds, VLANs and the addresses on them: what no machine could have is refused where it is written."""

from __future__ import annotations

import pytest

from kboot_clusterdesc import Mac
from unit.clusterdesc.sample import LINKED, SAMPLE, accepted, place, refusal, refused_keys

SECOND = '"00:25:90:c0:f6:ee"'  # the second node


def changed(old: str, new: str) -> str:
    """The description with the first `old` replaced."""
    assert old in LINKED, old
    return LINKED.replace(old, new, 1)


def own(links: str, *, ip: bool = True) -> str:
    """The description without links for all, and these of the first node alone."""
    text = LINKED[: LINKED.index("  links:")] + LINKED[LINKED.index("os: {family") :]
    text = text.replace("addresses: {storage: 10.10.40.201/24}", f"links: {{{links}}}")
    return text if ip else text.replace("    ip: 10.10.14.201\n", "")


def test_a_node_has_the_links_of_all_unless_it_has_its_own() -> None:
    desc = accepted(LINKED)
    first = desc.nodes[0]
    links = desc.links_of(first)
    assert links is desc.network.links
    assert (links.carrier, links.mtu_of("bond0"), links.mtu_of("second"), links.mtu_of("storage")) == (
        ("bond0", 9000, 9000, 1500)
    )
    assert first.all_cards == {"boot": Mac("002590c0f780"), "second": Mac("002590c0f781")}
    other = accepted(own("address_on: boot"))
    assert [other.links_of(node).carrier for node in other.nodes] == ["boot", "boot"]
    assert other.links_of(other.nodes[1]).bonds == ()


def test_a_description_without_links_says_nothing_of_them_when_it_is_written() -> None:
    written = accepted(SAMPLE).model_dump(mode="json", exclude_none=True)
    assert "links" not in written["network"]
    assert not {"cards", "addresses", "links"} & written["nodes"][0].keys()


_BOND, _VLAN, _FIRST = "network.links.bonds[0]", "network.links.vlans[0]", "nodes[0]"
_OWN_ADDRESS, _OWN_CARD = f"{_FIRST}.addresses.storage", f"{_FIRST}.cards.second"


@pytest.mark.parametrize(
    ("old", "new", "key", "message"),
    [
        ("[boot, second]", "[]", f"{_BOND}.members", "must not be empty"),
        ("[boot, second]", "[boot, boot]", f"{_BOND}.members[1]", "`boot` is a member already, by"),
        ("[boot, second]", "[boot, storage]", f"{_BOND}.members[1]", "`storage` is no card"),
        ("name: bond0", "name: storage", f"{_VLAN}.name", f"`storage` is the name of {_BOND}"),
        ("name: bond0", "name: boot", f"{_BOND}.name", "`boot` is the card of each node's `mac`"),
        ("name: bond0", "name: eth0", f"{_BOND}.name", "`eth0` is a name that the kernel"),
        ("name: bond0", "name: a-name-of-16-let", f"{_BOND}.name", "`a-name-of-16-let` is not the name"),
        ("802.3ad", "active-backup", f"{_BOND}.lacp_rate", "is a matter of LACP, and the mode of"),
        ("802.3ad", "active-backup", f"{_BOND}.hash_policy", "decides nothing with mode active-backup"),
        ("802.3ad", "lacp", f"{_BOND}.mode", "`lacp` is not one of active-backup, 802.3ad"),
        ("id: 40", "id: 0", f"{_VLAN}.id", "`0` input should be greater than or equal to 1"),
        ("id: 40", "id: 4095", f"{_VLAN}.id", "`4095` input should be less than or equal to 4094"),
        ("link: bond0", "link: boot", f"{_VLAN}.link", "`boot` is a member of `bond0`"),
        ("link: bond0", "link: storage", f"{_VLAN}.link", "`storage` is a VLAN itself"),
        ("mtu: 1500", "mtu: 9216", f"{_VLAN}.mtu", "9216 is more than the 9000 of `bond0`"),
        ("mtu: 9000", "mtu: 500", "network.links.mtu", "`500` input should be greater than or equal to 576"),
        ("mtu: 9000", "mtu: 9217", "network.links.mtu", "`9217` input should be less than or equal to 9216"),
        ("mtu: 9000", "address_on: second", "network.links.address_on", "`second` is a member of `bond0`"),
        ("mtu: 9000", "gateway: 10.10.50.1", "network.links.gateway", "10.10.50.1 is in no subnet of node1"),
        ("mtu: 9000", "gateway: 10.10.14.201", "network.links.gateway", "10.10.14.201 is an address of node1"),
        ("family: flatcar", "family: coreos", "network.links", "is not for `family: coreos`"),
        ("c0:f7:81", "c0:f7:80", _OWN_CARD, "00:25:90:c0:f7:80 is the MAC of nodes[0].mac"),
        ("c0:f7:81", "c0:f6:ee", _OWN_CARD, "00:25:90:c0:f6:ee is the MAC of nodes[1].mac"),
        ("c0:f6:ef", "c0:f7:81", "nodes[1].cards.second", "00:25:90:c0:f7:81 is the MAC of nodes[0].cards"),
        ("10.10.40.201/24", "10.10.40.201", _OWN_ADDRESS, "`10.10.40.201` does not say its subnet"),
        ("10.10.40.201/24", "10.10.40.0/24", _OWN_ADDRESS, "10.10.40.0 is the network address of"),
        ("10.10.40.201/24", "10.10.40.255/24", _OWN_ADDRESS, "10.10.40.255 is the broadcast address"),
        ("10.10.40.201/24", "10.10.14.9/24", _OWN_ADDRESS, "10.10.14.0/24 overlaps network.subnet"),
        ("10.10.40.201/24", "10.1.0.9/24", _OWN_ADDRESS, "10.1.0.0/24 overlaps kubernetes.pod_cidr"),
        ("{storage: 10", "{boot: 10", f"{_FIRST}.addresses.boot", "`boot` is a member of `bond0`"),
        ("{storage: 10", "{stroage: 10", f"{_FIRST}.addresses.stroage", "no link of that name is there"),
        ("201/24}", "1/24, bond0: 10.10.40.2/24}", f"{_FIRST}.addresses.bond0", "10.10.40.0/24 overlaps the subnet"),
    ],
)
def test_what_no_machine_could_have_is_refused_where_it_stands(old: str, new: str, key: str, message: str) -> None:
    said = refusal(changed(old, new))
    assert [line for line in said.splitlines() if line.partition(": ")[2].startswith(f"{key}: {message}")], said


def test_cards_and_addresses_without_links_are_refused_for_coreos_too() -> None:
    """A file with a key that its systemd passes over would match every card, and give each the address."""
    text = own("gateway: 10.10.14.254").replace("family: flatcar", "family: coreos, config: cloud-config")
    text = text.replace("links: {gateway: 10.10.14.254}", "addresses: {second: 10.10.40.201/24}")
    said = refusal(text)
    assert refused_keys(text) == ["nodes[0].cards", "nodes[0].addresses", "nodes[1].cards"]
    assert "nodes[0].addresses: is not for `family: coreos`, whose systemd does not know a card" in said
    assert "(os.extra); cards that it may boot by are `more_macs`" in said


def test_a_card_that_a_node_does_not_name_is_refused_at_that_node() -> None:
    text = changed(', cards: {second: "00:25:90:c0:f6:ef"}', "")
    assert refusal(text) == (
        f"{place(text, '{mac: ' + SECOND)}: nodes[1]: `bond0` of network.links takes `second`, "
        "and this node names no such card\n"
        "  hint: known: boot, bond0, storage; a card is named by `cards: {second: MAC}`"
    )


def test_a_link_of_one_node_that_takes_an_unknown_one_is_refused_where_it_takes_it() -> None:
    text = own("vlans: [{name: storage, id: 40, link: bond7}]")
    assert refusal(text).startswith(
        f"{place(text, 'bond7')}: nodes[0].links.vlans[0].link: `storage` of nodes[0].links takes `bond7`, "
    )


def test_the_same_tag_may_stand_on_two_links_and_not_twice_on_one() -> None:
    both = "vlans: [{name: a, id: 40, link: boot}, {name: b, id: 40, link: second}]"
    accepted(own(both))
    assert refused_keys(own(both.replace("second", "boot"))) == ["nodes[0].links.vlans[1].id"]


def test_the_address_is_asked_for_by_the_mac_of_the_node_alone() -> None:
    accepted(own("address_on: second"))
    assert refused_keys(own("address_on: second", ip=False)) == ["nodes[0].links.address_on"]
    accepted(own("vlans: [{name: front, id: 5, link: boot}], address_on: front", ip=False))
    site = own("address_on: second").replace("mode: serve, range: [10.10.14.1, 10.10.14.127], lease: 24h", "mode: off")
    assert refused_keys(site) == ["nodes[0].links.address_on"]


def test_a_router_elsewhere_needs_an_address_beside_it_and_an_ip() -> None:
    text = own("gateway: 192.0.2.1").replace("    links:", "    addresses: {second: 192.0.2.9/28}\n    links:")
    accepted(text)
    assert refused_keys(text.replace("    ip: 10.10.14.201\n", "")) == ["nodes[0].links.gateway"]


def test_two_machines_may_not_have_one_address_on_a_link() -> None:
    text = changed(':ef"}', ':ef"}, addresses: {storage: 10.10.40.201/24}')
    assert "nodes[1].addresses.storage: 10.10.40.201 is taken by nodes[0].addresses.storage" in refusal(text)


def test_a_card_may_not_be_called_as_a_bond_is() -> None:
    text = LINKED.replace("[boot, second]", "[boot]").replace("second:", "bond0:", 1)
    assert refused_keys(text) == ["nodes[0].cards.bond0"]

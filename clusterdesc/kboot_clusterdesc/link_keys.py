"""What each key of `links` means, of all nodes and of one."""

from __future__ import annotations

from .key import Key

LINK_KEYS: dict[str, Key] = {
    "bonds": Key("cards that act as one", "bonds: [{name: bond0, members: [boot, second], mode: 802.3ad}]"),
    "bonds.name": Key("its name, which the interface has too", "name: bond0"),
    "bonds.members": Key("the cards in it; boot is the one of the node's `mac`", "members: [boot, second]"),
    "bonds.mode": Key(
        "active-backup or balance-tlb at any switch; 802.3ad (LACP) or balance-xor at one that is set up for it",
        "mode: 802.3ad",
    ),
    "bonds.miimon": Key("milliseconds between looks at the carrier of each member", "miimon: 100"),
    "bonds.lacp_rate": Key("slow (default) or fast: LACP's packets each 30 seconds, or each second", "lacp_rate: fast"),
    "bonds.hash_policy": Key(
        "what of a packet decides the member that sends it; default: layer2", "hash_policy: layer3+4"
    ),
    "bonds.mtu": Key("its MTU and that of its members; default: that of `links`", "mtu: 9000"),
    "vlans": Key("tagged networks", "vlans: [{name: storage, id: 40, link: bond0}]"),
    "vlans.name": Key("its name, which the interface has too", "name: storage"),
    "vlans.id": Key("its tag, 1 to 4094", "id: 40"),
    "vlans.link": Key("the card or bond that carries it", "link: bond0"),
    "vlans.mtu": Key("its MTU; default: that of `links`", "mtu: 9000"),
    "address_on": Key(
        "the link with the node's address in network.subnet; default: the bond of the boot card, else that card",
        "address_on: bond0",
    ),
    "gateway": Key(
        "default router, in network.subnet or that of one of `addresses`; default: the first of network.routers",
        "gateway: 10.10.14.252",
    ),
    "mtu": Key("the MTU of each link that names none; default: as the OS has it", "mtu: 1500"),
}

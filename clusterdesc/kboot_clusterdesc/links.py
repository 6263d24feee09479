"""The network links of a server as keys of a description: its cards, what is bonded of them, and VLANs."""

from __future__ import annotations

from enum import StrEnum
from ipaddress import IPv4Address

from pydantic import Field

from .part import Part
from .types import LinkName

BOOT = "boot"  # the card of a node's `mac`
# 576: what each IPv4 host takes (RFC 791). 9216: what switches take at most.
_MTU = Field(default=None, ge=576, le=9216)


class BondMode(StrEnum):
    """How a bond uses its members. 802.3ad and balance-xor need a switch that is set up for it."""

    ACTIVE_BACKUP = "active-backup"
    LACP = "802.3ad"
    BALANCE_XOR = "balance-xor"
    BALANCE_TLB = "balance-tlb"


class LacpRate(StrEnum):
    """How often the switch is asked for LACP's packets: every 30 seconds, or each second."""

    SLOW = "slow"
    FAST = "fast"


class HashPolicy(StrEnum):
    """What of a packet decides the member that sends it."""

    LAYER2 = "layer2"
    LAYER23 = "layer2+3"
    LAYER34 = "layer3+4"
    ENCAP23 = "encap2+3"
    ENCAP34 = "encap3+4"


class Bond(Part):
    name: LinkName
    members: tuple[LinkName, ...] = Field(min_length=1)
    mode: BondMode = BondMode.ACTIVE_BACKUP
    miimon: int = Field(default=100, ge=10, le=10_000)
    lacp_rate: LacpRate | None = None
    hash_policy: HashPolicy | None = None
    mtu: int | None = _MTU


class Vlan(Part):
    name: LinkName
    id: int = Field(ge=1, le=4094)
    link: LinkName
    mtu: int | None = _MTU


class Links(Part):
    """The links of one server, or of each server that has none of its own."""

    bonds: tuple[Bond, ...] = ()
    vlans: tuple[Vlan, ...] = ()
    address_on: LinkName | None = None
    gateway: IPv4Address | None = None
    mtu: int | None = _MTU

    @property
    def made(self) -> tuple[Bond | Vlan, ...]:
        """The links that are no cards."""
        return (*self.bonds, *self.vlans)

    @property
    def carrier(self) -> str:
        """The link with the node's address: as declared, else the bond of the boot card, else that card."""
        return self.address_on or self.bond_of(BOOT) or BOOT

    def bond_of(self, card: str) -> str | None:
        """Return the name of the bond that has this card as a member; None where it stands alone."""
        return next((bond.name for bond in self.bonds if card in bond.members), None)

    def has_boot_card(self, link: str) -> bool:
        """Whether this link is the boot card, a bond with it, or a VLAN on one of both: such a link has its MAC."""
        return self.below(link) in (BOOT, self.bond_of(BOOT))

    def below(self, link: str) -> str:
        """Return what a VLAN lies on; any other link lies on itself."""
        return next((vlan.link for vlan in self.vlans if vlan.name == link), link)

    def mtu_of(self, link: str) -> int | None:
        """Return the MTU of a link, a member's is that of its bond; None: as the OS has it."""
        name = self.bond_of(link) or link
        own = next((each.mtu for each in self.made if each.name == name), None)
        return own or self.mtu

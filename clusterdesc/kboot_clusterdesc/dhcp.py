"""The key `network.dhcp` of a description: who gives addresses, which, and for how long."""

from __future__ import annotations

from enum import StrEnum

from pydantic import PlainSerializer, WithJsonSchema
from typing_extensions import Annotated  # noqa: UP035 - pydantic reads this one on every Python

from .part import Part
from .types import AddressRange, Lease, Range, duration_s


def _pair(value: AddressRange) -> list[str]:
    return [str(value.first), str(value.last)]


PoolRange = Annotated[
    Range,
    PlainSerializer(_pair),
    WithJsonSchema({"type": "array", "items": {"type": "string", "format": "ipv4"}, "minItems": 2, "maxItems": 2}),
]


class DhcpMode(StrEnum):
    """Who answers DHCP: kboot alone, kboot beside the site's server, or only the site's server."""

    SERVE = "serve"
    PROXY = "proxy"
    OFF = "off"


class Dhcp(Part):
    mode: DhcpMode = DhcpMode.SERVE
    range: PoolRange | None = None
    lease: Lease = "24h"

    @property
    def lease_s(self) -> int | None:
        """The lease time in seconds, None for infinite."""
        return None if self.lease == "infinite" else duration_s(self.lease)

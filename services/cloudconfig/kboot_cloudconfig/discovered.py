"""A machine on the network that nobody declared. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from kboot_clusterdesc import Mac


@dataclass(frozen=True, slots=True)
class Discovered:
    """An undeclared machine that was given an address."""

    mac: Mac
    ip: str
    since: datetime

"""A person who acts on the cluster, and the event that tells of each thing that they do."""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import IPv4Address

from kboot_clusterdesc import EventKind, Mac

from .fleet import Fleet

BY_TOKEN = "operator token"  # noqa: S105 - who, in words


@dataclass(frozen=True, slots=True)
class Person:
    """Who acts: the holder of the operator token, or a login of the page; and from where."""

    name: str
    address: IPv4Address | None


def note_action(fleet: Fleet, person: Person, what: str, mac: Mac | None = None, **more: str) -> None:
    """Tell that a person did something, to one machine or to the whole."""
    fleet.tell(EventKind.ACTION, mac, person.address, what=what, by=person.name, **more)

"""Reads the events of a cluster from its cloud-config server, and goes on where a stream broke off."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from urllib.parse import urlencode

from ..host.waiting import looks
from .cloudconfig_client import CloudConfigClient, JsonObject, Unreachable, printable

_AGAIN_S = 2.0


def events_so_far(
    server: CloudConfigClient, kinds: Sequence[str] = (), mac: str | None = None, *, from_first: bool = False
) -> list[JsonObject]:
    """Return the events that are kept, oldest first: the last hundred, or with `from_first` all of them."""
    return list(_events(server, kinds, mac, 0 if from_first else None, is_endless=False))


def followed_events(
    server: CloudConfigClient, kinds: Sequence[str] = (), mac: str | None = None
) -> Iterator[JsonObject]:
    """Yield the last events and each that comes, without an end; a server that is away is asked again."""
    after: int | None = None
    for _ in looks(float("inf"), _AGAIN_S):
        try:
            for event in _events(server, kinds, mac, after, is_endless=True):
                after = event["number"]
                yield event
        except Unreachable:
            if after is None:  # it never answered
                raise


def _events(
    server: CloudConfigClient, kinds: Sequence[str], mac: str | None, after: int | None, *, is_endless: bool
) -> Iterator[JsonObject]:
    asked = [("kind", kind) for kind in kinds]
    asked += [("mac", mac)] if mac else []
    asked += [("after", str(after))] if after is not None else []
    asked += [] if is_endless else [("wait", "0")]
    number = 0
    for line in server.lines(f"/v1/events?{urlencode(asked)}"):
        if line.startswith("id: "):
            number = int(line[4:])
        elif line.startswith("data: "):
            yield {"number": number, **printable(json.loads(line[6:]))}

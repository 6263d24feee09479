"""Streams events to those who watch: all of them, or those of some kinds or of one machine."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Annotated

from fastapi import Query, Request
from fastapi.responses import Response, StreamingResponse

from kboot_clusterdesc import Mac

from .answer import NEVER_KEPT
from .caller import QueryMac, ServedFleet, mac_of
from .event import Choice, Event, Kind
from .fleet import Fleet
from .problem import ProblemError

_STILL_HERE_S = 15
_AT_ONCE = 50  # events that a stream reads at a time: a reader that takes none holds no more in memory
_LONGEST_S = 24 * 3600
_AFTER = "the number of the last event one had; all that is kept where it is beyond the newest"


@dataclass(frozen=True, slots=True)
class _Wanted:
    """What a stream is to tell: the events of a choice after a number, for so many seconds; without end for None."""

    choice: Choice
    after: int
    wait_s: float | None


async def stream_events(
    request: Request,
    fleet: ServedFleet,
    after: Annotated[int | None, Query(ge=0, le=1 << 62, description=_AFTER)] = None,
    kind: Annotated[list[Kind] | None, Query(description="events of these kinds alone")] = None,
    mac: QueryMac = None,
    wait: Annotated[
        float | None, Query(ge=0, le=_LONGEST_S, description="end after so many seconds; 0: after what there is")
    ] = None,
) -> Response:
    """Answer with the events from where the caller stopped, and with each that comes."""
    of = None if mac is None else _known(fleet, fleet.identity(mac_of(mac)))
    choice = Choice(frozenset(kind or ()), of)
    wanted = _Wanted(choice, _first_wanted(fleet, request, after, choice), wait)
    return StreamingResponse(_lines(fleet, request, wanted), media_type="text/event-stream", headers=NEVER_KEPT)


def _known(fleet: Fleet, mac: Mac) -> Mac:
    """Return the MAC of a machine; answer 404 where it is none, and nothing ever happened to one of that MAC."""
    if not (fleet.has_node(mac) or fleet.store.knows(mac) or fleet.store.newest_events(1, Choice(mac=mac))):
        raise ProblemError(404, f"nothing is known of {mac}")
    return mac


async def _lines(fleet: Fleet, request: Request, wanted: _Wanted) -> AsyncIterator[str]:
    """Yield server-sent events until the caller goes or its time is over; comments keep the connection open."""
    flag, after, loop = fleet.listeners.add(), wanted.after, asyncio.get_running_loop()
    end = None if wanted.wait_s is None else loop.time() + wanted.wait_s
    try:
        yield ": events of the cluster\n\n"
        while not await request.is_disconnected():
            flag.clear()
            while batch := fleet.store.events_after(after, _AT_ONCE, wanted.choice):
                for event in batch:
                    after = event.number or after
                    yield _line(event)
            left_s = _STILL_HERE_S if end is None else min(end - loop.time(), _STILL_HERE_S)
            if fleet.listeners.is_ending or left_s <= 0:
                return
            try:
                await asyncio.wait_for(flag.wait(), left_s)
            except TimeoutError:
                yield ": still here\n\n"
    finally:
        fleet.listeners.remove(flag)


def _line(event: Event) -> str:
    return f"id: {event.number}\nevent: {event.kind}\ndata: {json.dumps(event.as_json())}\n\n"


def _first_wanted(fleet: Fleet, request: Request, after: int | None, choice: Choice) -> int:
    """Return the number after which a stream begins: the last that the caller had, else a hundred before the newest.

    One beyond the newest is of a state that is no more: to who had that, all that is kept is news.
    """
    last = request.headers.get("last-event-id", "")
    had = int(last) if last.isascii() and last.isdigit() and len(last) < 16 else after
    if had is not None:
        return had if had <= fleet.store.newest_number() else 0
    newest = fleet.store.newest_events(100, choice)
    return (newest[0].number or 1) - 1 if newest else 0

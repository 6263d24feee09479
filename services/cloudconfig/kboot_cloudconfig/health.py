"""Tells whether the server answers, and whether it can work."""

from __future__ import annotations

from fastapi.responses import PlainTextResponse, Response

from .caller import ServedFleet


async def healthz() -> Response:
    """Answer 200, which shows that the server answers."""
    return PlainTextResponse("ok\n")


async def readyz(fleet: ServedFleet) -> Response:
    """Answer 200 while the description can be read and the database written; fail otherwise."""
    fleet.desc()
    fleet.store.check()
    return PlainTextResponse("ok\n")

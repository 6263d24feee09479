"""The id of the request that is being answered: as its caller named it, else made here."""

from __future__ import annotations

import random
import re
from collections.abc import Iterable
from contextvars import ContextVar

HEADER = b"x-request-id"
_FORM = re.compile(rb"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")  # fit for a log and a header
_CURRENT: ContextVar[str] = ContextVar("request_id", default="")


def begin_request(headers: Iterable[tuple[bytes, bytes]]) -> str:
    """Return the id for a request with these headers, which is the current one from now on in this context."""
    given = next((value for name, value in headers if name == HEADER), b"")
    made = given.decode() if _FORM.fullmatch(given) else f"{random.getrandbits(64):016x}"  # no secret
    _CURRENT.set(made)
    return made


def request_id() -> str:
    """Return the id of the request that is being answered; empty where none is."""
    return _CURRENT.get()

"""What a request shows of who asks. No header of a proxy is believed."""

from __future__ import annotations

from ipaddress import AddressValueError, IPv4Address

from fastapi import Request

from kboot_clusterdesc import Mac

from .guard import Ask
from .problem import ProblemError


def mac_of(text: str) -> Mac:
    """The MAC in a path or query, in any spelling; 400 for what is none."""
    try:
        return Mac(text)
    except ValueError as error:
        raise ProblemError(400, "malformed MAC address") from error


def address_of(request: Request) -> IPv4Address | None:
    """The address of the peer."""
    try:
        return IPv4Address(request.client.host) if request.client else None
    except AddressValueError:
        return None


def token_of(request: Request) -> str | None:
    """The bearer token, from the header or, for clients that can do no better, from the query."""
    kind, _, token = request.headers.get("authorization", "").partition(" ")
    return token.strip() if kind.lower() == "bearer" else request.query_params.get("token")


def ask_of(request: Request) -> Ask:
    """What the guard looks at."""
    return Ask(request.url.scheme == "https", address_of(request), token_of(request))


async def small_body(request: Request, limit_bytes: int = 64 * 1024) -> bytes:
    """The body; 413 as soon as it is longer than any honest one."""
    body = b""
    async for chunk in request.stream():
        body += chunk
        if len(body) > limit_bytes:
            raise ProblemError(413, f"a body here has at most {limit_bytes} bytes")
    return body

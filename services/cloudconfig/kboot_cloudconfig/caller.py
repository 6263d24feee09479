"""Reads from a request who asks, about which machine, and under which name. No header of a proxy is believed."""

from __future__ import annotations

from functools import lru_cache
from ipaddress import AddressValueError, IPv4Address
from typing import Annotated, TypeVar

from fastapi import Depends, Query, Request
from pydantic import ValidationError, WithJsonSchema

from kboot_clusterdesc import Mac
from kboot_clusterdesc.shared_files import OPERATOR_TOKEN_SHA256

from .body import Body
from .fleet import Fleet
from .guard import Ask, Refusal, is_token
from .own_name import is_own_name, name_of
from .person import BY_TOKEN, Person
from .problem import ProblemError
from .report_tokens import reporter_of


def mac_of(text: str) -> Mac:
    """Return the MAC in a path or query, in any spelling; answer 400 where it is none."""
    try:
        return _mac(text)
    except ValueError as error:
        raise ProblemError(400, "malformed MAC address") from error


_mac = lru_cache(maxsize=16384)(Mac)  # a rack's machines ask again and again


async def _served_fleet(request: Request) -> Fleet:
    fleet: Fleet = request.app.state.fleet
    return fleet


ServedFleet = Annotated[Fleet, Depends(_served_fleet)]


Sent = TypeVar("Sent", bound=Body)

# How a MAC may be spelt, for the page of the API; `mac_of` judges.
_HEX = "[0-9A-Fa-f]{2}"
_SPELLING = {
    "type": "string",
    "pattern": f"^({_HEX}(:{_HEX}){{5}}|{_HEX}(-{_HEX}){{5}}|({_HEX}){{6}})$",
    "examples": ["52-54-00-00-00-01"],
}
SpeltMac = Annotated[str, WithJsonSchema(_SPELLING)]
QueryMac = Annotated[SpeltMac | None, Query(description="of this machine")]


async def _mac_in_path(mac: SpeltMac, fleet: ServedFleet) -> Mac:
    return fleet.identity(mac_of(mac))


PathMac = Annotated[Mac, Depends(_mac_in_path)]  # `{mac}` of the route's path: of a node, the one that it is known by


async def _reporter_in_path(request: Request, mac: SpeltMac, fleet: ServedFleet) -> Mac:
    return reporter_of(fleet, mac_of(mac), token_of(request))


ReporterMac = Annotated[Mac, Depends(_reporter_in_path)]  # the same of a machine that reports


async def check_name(request: Request, fleet: ServedFleet) -> None:
    """Answer 421 where the server is asked under a name that is not the bootstrapper's."""
    host, desc = request.headers.get("host") or "", fleet.desc()
    if not is_own_name(host, desc):
        name = name_of(host)[:80] or "a server without a name"
        raise ProblemError(421, f"this is not {name}: ask {desc.network.bootstrapper}")


def address_of(request: Request) -> IPv4Address | None:
    """Return the address of the peer."""
    return _address(request.client.host) if request.client else None


@lru_cache(maxsize=16384)
def _address(text: str) -> IPv4Address | None:
    try:
        return IPv4Address(text)
    except AddressValueError:
        return None


def mover_of(request: Request) -> IPv4Address | None:
    """Return the peer's address where the request may change a machine's state; None for a HEAD."""
    return address_of(request) if request.method == "GET" else None


def token_of(request: Request) -> str | None:
    """Return the bearer token from the header or, for clients that cannot set one, from the query."""
    kind, _, token = request.headers.get("authorization", "").partition(" ")
    return token.strip() if kind.lower() == "bearer" else request.query_params.get("token")


def ask_of(request: Request) -> Ask:
    """Return what the guard judges a request by."""
    return Ask(request.scope["scheme"] == "https", address_of(request), token_of(request))


async def small_body(request: Request, limit_bytes: int = 64 * 1024) -> bytes:
    """Return the body of a request; answer 413 as soon as it is longer than any honest report."""
    body = b""
    async for chunk in request.stream():
        body += chunk
        if len(body) > limit_bytes:
            raise ProblemError(413, f"a body here has at most {limit_bytes} bytes")
    return body


def parsed(form: type[Sent], content: bytes) -> Sent:
    """Return a body in JSON; answer 400, which says where it is none of that form."""
    try:
        return form.model_validate_json(content)
    except ValidationError as error:
        first = error.errors()[0]
        raise ProblemError(400, f"{'.'.join(map(str, first['loc'])) or 'body'}: {first['msg']}") from error


def operator_sha256(fleet: Fleet) -> str | None:
    """Return the SHA-256 of the operator token; None where `kboot up` has written none yet."""
    try:
        return fleet.files.text(f"{fleet.settings.config}/{OPERATOR_TOKEN_SHA256}").strip()
    except OSError:
        return None


def operator_of(fleet: Fleet, request: Request, mac: Mac | None) -> Person:
    """Return who asks with the operator token; answer 403 and keep an event for anybody else."""
    ask = ask_of(request)
    if not ask.is_tls or not is_token(ask.token, operator_sha256(fleet)):
        reason = Refusal.NO_TOKEN if ask.is_tls else Refusal.PLAIN_HTTP
        fleet.refuse(mac, ask.address, str(reason), request.url.path)
        raise ProblemError(403, "this needs the operator token, over https")
    return Person(BY_TOKEN, ask.address)

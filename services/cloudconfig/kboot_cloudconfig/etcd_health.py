"""Asks the etcd members whether each is healthy, and whether each has a vote, with a client certificate."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Mapping, Set
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx

from kboot_clusterdesc.model import ETCD_PORT
from kboot_clusterdesc.shared_files import ETCD_AUTHORITY, ETCD_STATUS_CERTIFICATE, ETCD_STATUS_KEY

from .fleet import Fleet
from .kubernetes_api import reason_of

_TIMEOUT_S = 5


def etcd_members(fleet: Fleet) -> dict[str, str | None]:
    """Return the declared etcd members, as name -> address."""
    at = {node.name: fleet.address_of(node) for node in fleet.desc().etcd_members}
    return {name: str(address) if address is not None else None for name, address in at.items()}


async def kept_vote(name: str, members: Mapping[str, str | None], tls: Path) -> str | None:
    """Return that etcd counts on the vote of a machine that is declared as no member; None where no member says so.

    `kboot node reinstall` judges the same, in kboot/preflight/losses.py.
    """
    try:
        context = _context(tls)
    except OSError:
        return None
    found = await asyncio.gather(*(_word(member, at, context) for member, at in members.items()))
    listed = next((word.listed for word in found if word.listed), ())
    former = (each for each in listed if _has_vote(each) and not any(_is_of(each, *known) for known in members.items()))
    numbers = [int(each.get("ID", 0)) for each in former if each.get("name") == name]
    if not numbers:
        return None
    return (
        f"{name} is declared as no member of etcd, and has a vote there still, which etcd counts on: "
        f"on {next(iter(members))} `sudo kboot-etcd ctl member remove {numbers[0]:x}` takes the vote away"
    )


async def etcd_trouble(members: Mapping[str, str | None], tls: Path, besides: str = "") -> str | None:
    """Return what is wrong with the etcd members, given as name -> address; None where all are well and have a vote.

    `besides` need be neither, nor those that etcd does not know yet.
    """
    if not members:
        return None
    try:
        context = _context(tls)
    except OSError as error:  # ssl.SSLError is one too
        return f"etcd cannot be asked: there is no good certificate to ask with ({error.strerror or error})"
    found = await asyncio.gather(*(_word(name, at, context) for name, at in members.items()))
    lists = [word.listed for word in found if word.listed]
    left = members.keys() - {besides} - (_newcomers(members, lists[0]) if lists else set())
    troubles = [word.trouble or _missing_votes(word, left) for word in found if word.name in left]
    return "; ".join(each for each in troubles if each is not None) or None


@dataclass(frozen=True, slots=True)
class _Word:
    """What one member said: what is wrong with it, or all members as it lists them."""

    name: str
    trouble: str | None = None
    listed: tuple[Mapping[str, Any], ...] = ()

    @property
    def voters(self) -> set[str]:
        return {str(each.get("name", "")) for each in self.listed if _has_vote(each)}


def _has_vote(member: Mapping[str, Any]) -> bool:
    return not member.get("isLearner", False)  # protobuf's JSON leaves out what is false or empty


def _is_of(member: Mapping[str, Any], name: str, address: str | None) -> bool:
    """Return whether a member that etcd lists is the declared one of that name and address."""
    hosts = {urlsplit(str(url)).hostname for url in member.get("peerURLs", ())}
    return member.get("name") == name or address in hosts or any(str(host).split(".")[0] == name for host in hosts)


def _newcomers(members: Mapping[str, str | None], listed: tuple[Mapping[str, Any], ...]) -> set[str]:
    """Return the declared members that etcd does not know yet: nothing depends on one.

    None, while a voter is nobody's that is declared: it may be one of these by the name that it had.
    """
    if any(not any(_is_of(each, *known) for known in members.items()) for each in listed if _has_vote(each)):
        return set()
    return {name for name, at in members.items() if not any(_is_of(each, name, at) for each in listed)}


def _missing_votes(word: _Word, members: Set[str]) -> str | None:
    missing = sorted(members - word.voters)
    return f"{', '.join(missing)} has no vote in etcd, as {word.name} lists it" if missing else None


def _context(tls: Path) -> ssl.SSLContext:
    stats = [(tls / name).stat() for name in (ETCD_AUTHORITY, ETCD_STATUS_CERTIFICATE, ETCD_STATUS_KEY)]
    return _made(tls, tuple((stat.st_mtime_ns, stat.st_size, stat.st_ino) for stat in stats))


@lru_cache(maxsize=1)
def _made(tls: Path, _stamps: tuple[tuple[int, int, int], ...]) -> ssl.SSLContext:
    context = ssl.create_default_context(cafile=str(tls / ETCD_AUTHORITY))
    context.load_cert_chain(tls / ETCD_STATUS_CERTIFICATE, tls / ETCD_STATUS_KEY)
    return context


async def _word(name: str, address: str | None, context: ssl.SSLContext) -> _Word:
    """Return what one member says."""
    if address is None:
        return _Word(name, f"the etcd member {name} has no address yet")
    try:
        async with (
            asyncio.timeout(_TIMEOUT_S),
            httpx.AsyncClient(base_url=f"https://{address}:{ETCD_PORT}", verify=context, trust_env=False) as client,
        ):
            named = {"sni_hostname": name}  # it need not have its address in its certificate
            health = (await client.get("/health", extensions=named)).json()
            listed = (await client.post("/v3/cluster/member/list", json={}, extensions=named)).json()["members"]
            if health["health"] != "true":  # it needs a quorum to call itself healthy
                reason = health.get("reason") or "no reason given"
                return _Word(name, f"the etcd member {name} is not healthy: {reason}")
            return _Word(name, listed=tuple(dict(each) for each in listed))
    except (httpx.HTTPError, OSError) as error:
        return _Word(name, f"the etcd member {name} {reason_of(error)}")
    except (AttributeError, KeyError, TypeError, ValueError):
        return _Word(name, f"the etcd member {name} answers with something else than its health")

"""Asks the etcd members whether each is healthy, and whether each has a vote, with a client certificate."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

import httpx

from kboot_clusterdesc.model import ETCD_PORT
from kboot_clusterdesc.shared_files import ETCD_AUTHORITY, ETCD_STATUS_CERTIFICATE, ETCD_STATUS_KEY

from .kubernetes_api import reason_of

_TIMEOUT_S = 5


async def etcd_trouble(members: Mapping[str, str | None], tls: Path) -> str | None:
    """Return what is wrong with the etcd members, given as name -> address; None where all are well and have a vote."""
    if not members:
        return None
    try:
        context = _context(tls)
    except OSError as error:  # ssl.SSLError is one too
        return f"etcd cannot be asked: there is no good certificate to ask with ({error.strerror or error})"
    found = await asyncio.gather(*(_trouble(name, at, context, members) for name, at in members.items()))
    return "; ".join(each for each in found if each is not None) or None


def _context(tls: Path) -> ssl.SSLContext:
    stats = [(tls / name).stat() for name in (ETCD_AUTHORITY, ETCD_STATUS_CERTIFICATE, ETCD_STATUS_KEY)]
    return _made(tls, tuple((stat.st_mtime_ns, stat.st_size, stat.st_ino) for stat in stats))


@lru_cache(maxsize=1)
def _made(tls: Path, _stamps: tuple[tuple[int, int, int], ...]) -> ssl.SSLContext:
    context = ssl.create_default_context(cafile=str(tls / ETCD_AUTHORITY))
    context.load_cert_chain(tls / ETCD_STATUS_CERTIFICATE, tls / ETCD_STATUS_KEY)
    return context


async def _trouble(name: str, address: str | None, context: ssl.SSLContext, members: Mapping[str, Any]) -> str | None:
    """Return what is wrong with one member, or with the members as it lists them."""
    if address is None:
        return f"the etcd member {name} has no address yet"
    try:
        async with (
            asyncio.timeout(_TIMEOUT_S),
            httpx.AsyncClient(base_url=f"https://{address}:{ETCD_PORT}", verify=context, trust_env=False) as client,
        ):
            named = {"sni_hostname": name}  # it need not have its address in its certificate
            health = (await client.get("/health", extensions=named)).json()
            listed = (await client.post("/v3/cluster/member/list", json={}, extensions=named)).json()["members"]
            if health["health"] != "true":  # it needs a quorum to call itself healthy
                return f"the etcd member {name} is not healthy: {health.get('reason') or 'no reason given'}"
            # protobuf's JSON leaves out what is false or empty
            voters = {each.get("name", "") for each in listed if not each.get("isLearner", False)}
    except (httpx.HTTPError, OSError) as error:
        return f"the etcd member {name} {reason_of(error)}"
    except (AttributeError, KeyError, TypeError, ValueError):
        return f"the etcd member {name} answers with something else than its health"
    missing = sorted(set(members) - voters)
    return f"{', '.join(missing)} has no vote in etcd, as {name} lists it" if missing else None

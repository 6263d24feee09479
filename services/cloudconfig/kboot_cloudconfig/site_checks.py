"""Asks the URLs by which an operator says whether the cluster does its work."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Sequence
from pathlib import Path
from urllib.parse import urlsplit

import httpx

from .kubernetes_api import reason_of

_TIMEOUT_S = 5


async def checks_trouble(urls: Sequence[str], authority: Path) -> str | None:
    """Return which of the URLs do not answer with 2xx; None where all do. TLS by public authorities, or by ours."""
    if not urls:
        return None
    context = ssl.create_default_context()
    if authority.exists():
        context.load_verify_locations(cafile=str(authority))
    found = await asyncio.gather(*(_trouble(url, context) for url in urls))
    return "; ".join(each for each in found if each is not None) or None


async def _trouble(url: str, context: ssl.SSLContext) -> str | None:
    try:
        async with (
            asyncio.timeout(_TIMEOUT_S),
            httpx.AsyncClient(verify=context, trust_env=False, follow_redirects=False) as client,
            client.stream("GET", url) as answer,
        ):
            return None if answer.is_success else f"the check {_shown(url)} answers {answer.status_code}"
    except (httpx.HTTPError, OSError, httpx.InvalidURL) as error:
        return f"the check {_shown(url)} {reason_of(error)}"


def _shown(url: str) -> str:
    """Return a URL without what may be secret in it: a password, and the query."""
    try:
        parts = urlsplit(url)
    except ValueError:  # such as `http://[::1/`
        return "of a URL that is none"
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}"

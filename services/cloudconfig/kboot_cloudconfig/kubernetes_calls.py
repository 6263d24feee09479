"""Calls of an API server that change nodes or list their pods, with the same certificate that reads nodes."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from .kubernetes_api import ApiFault, client_context, client_of, reason_of

SERVER_NAME = "kubernetes"  # stands in every API server's certificate, so a new address does not matter
_TIMEOUT = httpx.Timeout(30, connect=3)
_MERGE = "application/merge-patch+json"


@dataclass(frozen=True, slots=True)
class Answer:
    """An API server's answer: its status, and its body as an object of JSON."""

    status: int
    body: dict[str, Any]

    @property
    def message(self) -> str:
        """What the server says of a fault."""
        return str(self.body.get("message") or f"answers {self.status}")[:300]


class ApiCalls:
    """Asks the API servers in turn, beginning with the one that answered last; each call stands for itself."""

    def __init__(self, addresses: Callable[[], Sequence[str]], tls: Path) -> None:
        self._addresses = addresses
        self._tls = tls
        self._answered: str | None = None

    async def get(self, path: str, **query: str) -> Answer:
        """Return what is at `path`; raise ApiFault where no API server answers."""
        return await self._ask("GET", path, params=query)

    async def patch(self, path: str, change: dict[str, Any]) -> Answer:
        """Merge a change into what is at `path` (RFC 7396); raise ApiFault."""
        return await self._ask("PATCH", path, content=json.dumps(change), headers={"Content-Type": _MERGE})

    async def post(self, path: str, body: dict[str, Any]) -> Answer:
        """Make an object; raise ApiFault."""
        return await self._ask("POST", path, json=body)

    async def _ask(self, method: str, path: str, **options: Any) -> Answer:
        context = client_context(self._tls)
        faults = []
        for address in sorted(self._addresses(), key=lambda each: each != self._answered):
            try:
                async with client_of(address, context) as client:
                    named = {"sni_hostname": SERVER_NAME}
                    answer = await client.request(method, path, timeout=_TIMEOUT, extensions=named, **options)
                    self._answered = address
                    return Answer(answer.status_code, _object(answer))
            except (httpx.HTTPError, OSError) as error:
                faults.append(f"{address} {reason_of(error)}")
        raise ApiFault("; ".join(faults) or "no API server has an address yet")


def _object(answer: httpx.Response) -> dict[str, Any]:
    try:
        body = answer.json()
    except ValueError:
        return {}
    return body if isinstance(body, dict) else {}

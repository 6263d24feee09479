"""A request that tells a receiver of events, as https://www.standardwebhooks.com/ has it. Pure."""

from __future__ import annotations

import hmac
import json
from base64 import b64decode, b64encode
from binascii import Error
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from ipaddress import ip_address
from urllib.parse import urlsplit

from kboot_clusterdesc.site_proxy import SiteProxy

from .event import Event

_PREFIX = "whsec_"
_FIRST_WAIT_S, _LONGEST_WAIT_S = 1, 300
MOST_TRIES = 24  # about an hour and a half


@dataclass(frozen=True, slots=True)
class NotifyRequest:
    """What is sent, but for the time and the signature, which are new at each try."""

    number: str  # the same at each try, so that a receiver knows what it has had
    body: bytes

    def headers(self, secret: bytes, at_s: int) -> dict[str, str]:
        """Return the headers of a try at `at_s`, in seconds since 1970."""
        signed = f"{self.number}.{at_s}.".encode() + self.body
        signature = b64encode(hmac.digest(secret, signed, "sha256")).decode()
        return {
            "content-type": "application/json",
            "user-agent": "kboot",
            "webhook-id": self.number,
            "webhook-timestamp": str(at_s),
            "webhook-signature": f"v1,{signature}",
        }


def notify_request(cluster: str, events: Sequence[Event]) -> NotifyRequest:
    """Return the request that tells of `events`, of which there is one at least."""
    told = [{"number": event.number, **event.as_json()} for event in events]
    body = json.dumps({"cluster": cluster, "events": told}, ensure_ascii=False).encode()
    return NotifyRequest(f"{cluster}-{events[0].number}-{events[-1].number}", body)


def key_of(content: bytes) -> bytes:
    """Return the key in a secret's file: what stands there, or with `whsec_` in front what that is the base64 of."""
    text = content.strip()
    if text.startswith(_PREFIX.encode()):
        try:
            return b64decode(text[len(_PREFIX) :], validate=True)
        except Error:
            return text
    return text


def wait_after(tries: int) -> timedelta:
    """Return how long nothing is sent after so many tries in vain: twice as long each time, five minutes at most."""
    return timedelta(seconds=min(_FIRST_WAIT_S << min(tries - 1, 20), _LONGEST_WAIT_S))


def proxy_for(url: str, proxy: SiteProxy | None) -> str | None:
    """Return the proxy by which `url` is reached; None where none is asked."""
    if proxy is None:
        return None
    parts = urlsplit(url)
    host = (parts.hostname or "").lower()
    for entry in proxy.no_proxy:
        name = entry.lstrip(".")
        if host == name or (not _is_address(host) and host.endswith(f".{name}")):
            return None
    return proxy.https if parts.scheme == "https" else proxy.http


def _is_address(host: str) -> bool:
    try:
        ip_address(host)
    except ValueError:
        return False
    return True

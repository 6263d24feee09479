"""Requests over HTTP, with the patience of update_engine cut short (libcurl_http_fetcher.cc)."""

from __future__ import annotations

import http.client
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator

from .failure import Code, UpdateError

_TIMEOUT_S = 90
_MOST_CONTINUED = 20
_PIECE_BYTES = 1 << 18
_BROKEN = (OSError, http.client.HTTPException)

Wait = Callable[[float], object]


def post(server: str, body: bytes) -> bytes:
    """Return the answer to a request; raises UpdateError with 2000 and the status, 2000 where there was no answer.

    As with curl, what is no URL is the name of a host.
    """
    url = server if "://" in server else f"http://{server}"
    try:
        asked = urllib.request.Request(url, body, {"Content-Type": "text/xml", "Accept": "*/*"})  # noqa: S310 # its own server
        with urllib.request.urlopen(asked, timeout=_TIMEOUT_S) as answer:  # noqa: S310 # the same
            found: bytes = answer.read()
            return found
    except urllib.error.HTTPError as error:
        raise UpdateError(Code.HTTP + error.code, f"{url}: {error}") from error
    except (*_BROKEN, ValueError) as error:
        raise UpdateError(Code.HTTP, f"{url}: {error}") from error


def download(url: str, wait: Wait, pause_s: float) -> Iterator[bytes]:
    """Yield a file's bytes; a transfer that breaks goes on where it broke, after a pause.

    Raises UpdateError at once where the server refuses, else once it broke 20 times. Nobody looks whether the server
    really began in the middle: one that cannot do so spoils the payload, as with the real client.
    """
    at = 0
    for _ in range(_MOST_CONTINUED + 1):
        headers = {"Range": f"bytes={at}-"} if at else {}
        try:
            asked = urllib.request.Request(url, headers=headers)  # noqa: S310 # what the machine's own server offers
            with urllib.request.urlopen(asked, timeout=_TIMEOUT_S) as answer:  # noqa: S310 # the same
                while piece := answer.read(_PIECE_BYTES):
                    at += len(piece)
                    yield piece
                if not answer.length:  # of what was promised, what is missing still
                    return
        except urllib.error.HTTPError as error:
            raise UpdateError(Code.TRANSFER, f"{url}: {error}") from error
        except _BROKEN:
            pass  # said by the next error, if there is one
        wait(pause_s)
    raise UpdateError(Code.TRANSFER, f"{url}: the transfer broke {_MOST_CONTINUED + 1} times, the last at {at} bytes")

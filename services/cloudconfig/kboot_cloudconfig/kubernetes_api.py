"""Asks an API server for its nodes, over TLS with the server's own client certificate."""

from __future__ import annotations

import asyncio
import ssl
from functools import lru_cache
from pathlib import Path

import httpx

from kboot_clusterdesc.model import API_PORT
from kboot_clusterdesc.shared_files import KUBERNETES_AUTHORITY, STATUS_CERTIFICATE, STATUS_KEY

from .kubernetes_nodes import KubernetesNode, parse_page

CONNECT_S = 3
ANSWER_S = 10  # for all pages together
PAGE_NODES = 500
PAGE_BYTES = 64 << 20
_SERVER_NAME = "kubernetes"  # stands in every API server's certificate, so a new address does not matter
_REFUSALS = {401: "refuses our certificate", 403: "does not let us read its nodes yet"}
# How the TLS library says that it waits for the other side, or that this one has left.
_NO_FAULTS = (ssl.SSLWantReadError, ssl.SSLWantWriteError, ssl.SSLEOFError)


class ApiFault(Exception):
    """Why an API server told nothing."""


def client_context(tls: Path) -> ssl.SSLContext:
    """Return what to ask with, made anew where a file of it was renewed; raise ApiFault while there is nothing."""
    try:
        stats = [(tls / name).stat() for name in (KUBERNETES_AUTHORITY, STATUS_CERTIFICATE, STATUS_KEY)]
        return _client_context(tls, tuple((stat.st_mtime_ns, stat.st_size, stat.st_ino) for stat in stats))
    except FileNotFoundError as error:
        raise ApiFault("there is no certificate to ask with yet") from error
    except (ssl.SSLError, OSError) as error:
        raise ApiFault(f"the certificate to ask with cannot be used: {error}") from error


@lru_cache(maxsize=1)
def _client_context(tls: Path, _stamps: tuple[tuple[int, int, int], ...]) -> ssl.SSLContext:
    context = ssl.create_default_context(cafile=str(tls / KUBERNETES_AUTHORITY))
    context.load_cert_chain(tls / STATUS_CERTIFICATE, tls / STATUS_KEY)
    return context


async def list_nodes(address: str, context: ssl.SSLContext) -> dict[str, KubernetesNode]:
    """Return every node that the API server at `address` has; raises ApiFault."""
    nodes: dict[str, KubernetesNode] = {}
    more = ""
    try:
        async with asyncio.timeout(ANSWER_S), client_of(address, context) as client:
            while True:
                page, more = parse_page(await _page(client, more))
                nodes |= page
                if not more:
                    return nodes
    except (httpx.HTTPError, OSError) as error:  # OSError: the time-out, and TLS that breaks off after the handshake
        raise ApiFault(reason_of(error)) from error
    except ValueError as error:
        raise ApiFault("answers with something else than a list of nodes") from error


def client_of(address: str, context: ssl.SSLContext) -> httpx.AsyncClient:
    """Return a client of the API server at `address`."""
    return httpx.AsyncClient(
        base_url=f"https://{address}:{API_PORT}",
        verify=context,
        timeout=httpx.Timeout(None, connect=CONNECT_S),
        trust_env=False,  # a proxy of the site must not stand between us and our own machines
        headers={"Accept": "application/json", "Accept-Encoding": "identity"},
    )


async def _page(client: httpx.AsyncClient, more: str) -> bytes:
    """Return the body of one page of the list, the first one or that which `more` continues with."""
    parameters = {"limit": str(PAGE_NODES)} | ({"continue": more} if more else {})
    named = {"sni_hostname": _SERVER_NAME}
    async with client.stream("GET", "/api/v1/nodes", params=parameters, extensions=named) as answer:
        if answer.status_code != 200:
            raise ApiFault(_REFUSALS.get(answer.status_code, f"answers {answer.status_code}"))
        body = bytearray()
        async for piece in answer.aiter_raw():  # nothing is unpacked: a small answer could become a huge one
            body += piece
            if len(body) > PAGE_BYTES:
                raise ApiFault(f"answers with more than {PAGE_BYTES >> 20} MiB")
        return bytes(body)


def reason_of(error: BaseException) -> str:
    """Return what went wrong, looked for in what `error` came from."""
    cause: BaseException | None = error
    while cause is not None and (not isinstance(cause, ssl.SSLError) or isinstance(cause, _NO_FAULTS)):
        cause = cause.__cause__ or cause.__context__
    if isinstance(cause, ssl.SSLCertVerificationError):
        return f"has a certificate that is not good: {cause.verify_message}"
    if isinstance(cause, ssl.SSLError):
        return "refuses our certificate" if "ALERT" in (cause.reason or "") else "does not speak TLS"
    return "does not answer in HTTP" if isinstance(error, httpx.RemoteProtocolError) else "does not answer"

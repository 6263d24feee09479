"""Asks an API server for its nodes, over TLS with the read-only client certificate."""

from __future__ import annotations

import asyncio
import ssl
from pathlib import Path
from urllib.parse import urlencode

from kboot_clusterdesc.model import API_PORT

from .kubernetes_nodes import KubernetesNode, parse_page

CONNECT_S = 3
ANSWER_S = 10  # for all pages together
PAGE_NODES = 500
PAGE_BYTES = 64 << 20
_SERVER_NAME = "kubernetes"  # stands in every API server's certificate, so a new address does not matter
_REFUSALS = {401: "refuses our certificate", 403: "does not let us read its nodes yet"}


class ApiFault(Exception):
    """Why an API server told nothing."""


def client_context(tls: Path) -> ssl.SSLContext:
    """What to ask with, read anew each time since the files may be renewed; raises ApiFault while there is nothing."""
    try:
        context = ssl.create_default_context(cafile=str(tls / "kubernetes-ca.pem"))
        context.load_cert_chain(tls / "status-client.pem", tls / "status-client.key")
    except FileNotFoundError as error:
        raise ApiFault("there is no certificate to ask with yet") from error
    except (ssl.SSLError, OSError) as error:
        raise ApiFault(f"the certificate to ask with cannot be used: {error}") from error
    return context


async def list_nodes(address: str, context: ssl.SSLContext) -> dict[str, KubernetesNode]:
    """Every node that the API server at `address` has; raises ApiFault."""
    nodes: dict[str, KubernetesNode] = {}
    try:
        async with asyncio.timeout(ANSWER_S):
            more = ""
            while True:
                page, more = parse_page(await _get(address, context, _path(more)))
                nodes |= page
                if not more:
                    return nodes
    except ssl.SSLCertVerificationError as error:
        raise ApiFault(f"has a certificate that is not good: {error.verify_message}") from error
    except ssl.SSLError as error:
        refused = "ALERT" in (error.reason or "")
        raise ApiFault("refuses our certificate" if refused else "does not speak TLS") from error
    except OSError as error:  # a time-out is one too
        raise ApiFault("does not answer") from error
    except ValueError as error:
        raise ApiFault("answers with something else than a list of nodes") from error


def _path(more: str) -> str:
    return "/api/v1/nodes?" + urlencode({"limit": PAGE_NODES} | ({"continue": more} if more else {}))


async def _get(address: str, context: ssl.SSLContext, path: str) -> bytes:
    """The body of a 200. HTTP/1.0, since its answers end with the connection and come in one piece."""
    async with asyncio.timeout(CONNECT_S):
        reader, writer = await asyncio.open_connection(address, API_PORT, ssl=context, server_hostname=_SERVER_NAME)
    try:
        writer.write(f"GET {path} HTTP/1.0\r\nHost: {_SERVER_NAME}\r\nAccept: application/json\r\n\r\n".encode())
        await writer.drain()
        return _body(await _all(reader))
    finally:
        writer.transport.abort()  # nothing is left to say, and a peer that has gone must not hold us up


async def _all(reader: asyncio.StreamReader) -> bytes:
    answer = bytearray()
    while piece := await reader.read(1 << 18):
        answer += piece
        if len(answer) > PAGE_BYTES:
            raise ApiFault(f"answers with more than {PAGE_BYTES >> 20} MiB")
    return bytes(answer)


def _body(answer: bytes) -> bytes:
    head, _, body = answer.partition(b"\r\n\r\n")
    words = head.split(None, 2)
    if len(words) < 2 or not words[0].startswith(b"HTTP/1.") or not words[1].isdigit():
        raise ApiFault("does not answer" if not answer else "does not speak HTTP")
    status = int(words[1])
    if status != 200:
        raise ApiFault(_REFUSALS.get(status, f"answers {status}"))
    return body

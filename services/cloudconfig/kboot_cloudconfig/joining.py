"""Undeclared machines that join: their bootstrap tokens, and a node config for each out of the one they share.

A token follows from a seed that the control planes have too: they compute the same token and make the API accept it.
"""

from __future__ import annotations

import hmac
import json
from base64 import b64decode, b64encode
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

import yaml
from fastapi.responses import Response

from kboot_clusterdesc import Node
from kboot_clusterdesc.joined import JOIN_TOKEN_MARK, REPORT_TOKEN_MARK, SEED_FILE, STAND_IN_MAC, TOKEN_LIFE

from .answer import fresh
from .caller import ServedFleet
from .fleet import Fleet
from .machine import Machine
from .problem import ProblemError

_DATA_URL = "data:;base64,"

Fill = Callable[[bytes], bytes]


def seed(fleet: Fleet) -> bytes:
    """Return the seed of all bootstrap tokens; answer 503 while there is none."""
    try:
        return bytes.fromhex((fleet.settings.tls / SEED_FILE).read_text())
    except (OSError, ValueError) as error:
        raise ProblemError(503, "there is no seed for tokens yet") from error


def join_token(seed: bytes, name: str, since: datetime) -> str:
    """Return the bootstrap token of a machine whose node config was given at `since`: 6 and 16 characters, [0-9a-f]."""
    digest = hmac.digest(seed, f"join {name} {int(since.timestamp())}".encode(), "sha256").hex()
    return f"{digest[:6]}.{digest[6:22]}"


async def joining_machines(fleet: ServedFleet) -> Response:
    """Return a line for each joined machine: name, address, and since when its token is good, `-` without one."""
    lines = (
        f"{node.name} {fleet.address_of(node) or '-'} {_token_since(fleet.machine(node.mac), fleet.now())}\n"
        for node in fleet.nodes()
        if not fleet.is_declared(node.mac)
    )
    return fresh("".join(lines))


def personal(document: bytes, node: Node, *, report_token: str, join_token: str) -> bytes:
    """Return the shared node config, in either dialect, with the names and tokens of `node` filled in."""
    values = {
        STAND_IN_MAC: node.mac,
        STAND_IN_MAC.dashed: node.name,
        REPORT_TOKEN_MARK: report_token,
        JOIN_TOKEN_MARK: join_token,
    }

    def fill(content: bytes) -> bytes:
        for mark, value in values.items():
            content = content.replace(mark.encode(), value.encode())
        return content

    if document.startswith(b"#cloud-config\n"):
        filled = yaml.safe_dump(_filled(yaml.safe_load(document), fill), sort_keys=False, width=10_000)
        return f"#cloud-config\n{filled}".encode()
    return json.dumps(_filled(json.loads(document), fill), indent=1).encode() + b"\n"


def _filled(part: Any, fill: Fill) -> Any:
    """Return a document with each text filled in; the content of a file is base64 in both dialects."""
    if isinstance(part, Mapping):
        coded = part.get("encoding") == "base64"
        return {k: _coded(v, fill) if coded and k == "content" else _filled(v, fill) for k, v in part.items()}
    if isinstance(part, list):
        return [_filled(each, fill) for each in part]
    if not isinstance(part, str):
        return part
    if part.startswith(_DATA_URL):
        return _DATA_URL + _coded(part.removeprefix(_DATA_URL), fill)
    return fill(part.encode()).decode()


def _coded(text: str, fill: Fill) -> str:
    return b64encode(fill(b64decode(text))).decode()


def _token_since(machine: Machine, now: datetime) -> str:
    since = machine.token.used_at if machine.token is not None else None
    return str(int(since.timestamp())) if since is not None and now < since + TOKEN_LIFE else "-"

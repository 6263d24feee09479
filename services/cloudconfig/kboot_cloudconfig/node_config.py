"""Serves node configs and certificates, as kboot rendered them, to the one machine that may have them."""

from __future__ import annotations

import re
import secrets

from fastapi import Request

from kboot_clusterdesc import Mac

from . import guard, joining
from . import machine as life
from .caller import ask_of
from .fleet import Fleet
from .problem import ProblemError

_NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,63}")


def guarded_file(fleet: Fleet, request: Request, mac: Mac, name: str) -> bytes:
    """The file `name` of the machine's folder, if the caller may have it; 403 and an event otherwise."""
    node, machine, ask, now = fleet.node(mac), fleet.machine(mac), ask_of(request), fleet.now()
    refusal = guard.refusal_of_secrets(ask, machine, fleet.address_of(node), now)
    if refusal is not None:
        fleet.tell("refused", mac, ask.address, reason=str(refusal), path=request.url.path)
        raise ProblemError(403, f"refused: {refusal}")
    try:
        content = (fleet.folder(mac) / name).read_bytes()
    except FileNotFoundError as error:
        raise ProblemError(404, "this machine has no such file") from error
    if not fleet.is_declared(mac):
        since = machine.token.used_at if machine.token is not None else None
        report_token = secrets.token_urlsafe(32)
        join_token = joining.join_token(joining.seed(fleet), node.name, since or now)
        content = joining.personal(content, node, report_token=report_token, join_token=join_token)
        fleet.store.keep_report_token(mac, guard.sha256_of(report_token))
    if ask.address is not None:
        fleet.keep(machine, life.fetched_config(machine, ask.address, now), ask.address)
    return content


def certificate_file(name: str) -> str:
    """The file of a certificate; a malformed name is 400."""
    if not _NAME.fullmatch(name):
        raise ProblemError(400, "malformed certificate name")
    return f"certs/{name}.pem"

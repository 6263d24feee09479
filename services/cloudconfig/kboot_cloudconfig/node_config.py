"""Serves node configs and certificates, as kboot rendered them, to the one machine that may have them."""

from __future__ import annotations

import secrets
from typing import Annotated

from fastapi import Path, Request
from fastapi.responses import Response

from kboot_clusterdesc import Mac, Node
from kboot_clusterdesc.layout import certificate_path
from kboot_clusterdesc.shared_files import CLOUD_CONFIG, IGNITION

from . import guard, joining
from . import machine as life
from .answer import fresh
from .caller import PathMac, ServedFleet, ask_of
from .fleet import Fleet
from .machine import Machine
from .problem import ProblemError

CertificateName = Annotated[str, Path(pattern="^[a-z0-9][a-z0-9-]{0,63}$")]


async def ignition(request: Request, fleet: ServedFleet, mac: PathMac) -> Response:
    """Answer with the node config of one machine, as Ignition."""
    return fresh(_node_config(fleet, request, mac, IGNITION), "application/vnd.coreos.ignition+json")


async def cloud_config(request: Request, fleet: ServedFleet, mac: PathMac) -> Response:
    """Answer with the node config of one machine, as cloud-config."""
    return fresh(_node_config(fleet, request, mac, CLOUD_CONFIG), "text/yaml")


async def certificate(request: Request, fleet: ServedFleet, mac: PathMac, name: CertificateName) -> Response:
    """Answer with the public certificate `name`, under the guard of the node config; the install token stays unused."""
    _refuse_others(fleet, request, fleet.node(mac), fleet.machine(mac))
    return fresh(_read(fleet, mac, certificate_path(name)), "application/x-pem-file")


def _node_config(fleet: Fleet, request: Request, mac: Mac, name: str) -> bytes:
    """Return the node config in the file `name`, if the caller may have it; its install token is used from now on."""
    node, machine, now = fleet.node(mac), fleet.machine(mac), fleet.now()
    ask = _refuse_others(fleet, request, node, machine)
    try:
        content = _read(fleet, mac, name) if fleet.is_declared(mac) else _joining_config(fleet, node, machine, name)
    except ProblemError as fault:
        fleet.keep(machine, life.was_refused(machine, f"its node config cannot be given: {fault.detail}"))
        raise
    if ask.address is not None:
        fleet.keep(machine, life.fetched_config(machine, ask.address, now), ask.address)
    return content


def _joining_config(fleet: Fleet, node: Node, machine: Machine, name: str) -> bytes:
    """Return the node config that joining machines share, made this one's own."""
    since = machine.token.used_at if machine.token is not None else None
    report_token = secrets.token_urlsafe(32)
    join_token = joining.join_token(joining.seed(fleet), node.name, since or fleet.now())
    shared = _read(fleet, node.mac, name)
    fleet.store.joined.keep_report_token(node.mac, guard.sha256_of(report_token))
    return joining.personal(shared, node, report_token=report_token, join_token=join_token)


def _refuse_others(fleet: Fleet, request: Request, node: Node, machine: Machine) -> guard.Ask:
    """Return what the caller shows if it is the machine itself while it installs; else raise 403 and tell an event."""
    ask = ask_of(request)
    refusal = guard.refusal_of_secrets(ask, machine, fleet.addresses_of(node), fleet.now())
    if refusal is not None:
        fleet.refuse(node.mac, ask.address, str(refusal), request.url.path)
        if guard.is_of_its_install(ask.token, machine):
            reason = f"its node config was refused to {ask.address}: {refusal}"
            fleet.keep_reason(machine, life.asked_elsewhere(machine, reason, is_known=True), ask.address)
        raise ProblemError(403, f"refused: {refusal}")
    return ask


def _read(fleet: Fleet, mac: Mac, name: str) -> bytes:
    try:
        with open(f"{fleet.folder(mac)}/{name}", "rb") as file:
            return file.read()
    except FileNotFoundError as error:
        raise ProblemError(404, "this machine has no such file") from error

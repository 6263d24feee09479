"""Answers update checks of installed machines (Omaha 3.0, as Flatcar's update_engine speaks it).

A release is offered only when its payloads are whole in the store. The store holds none yet, so every check is
answered `noupdate`; reports are taken and become events.
"""

from __future__ import annotations

from ipaddress import IPv4Address
from xml.etree.ElementTree import Element, ParseError, SubElement, tostring

from defusedxml import DefusedXmlException
from defusedxml.ElementTree import fromstring
from fastapi import Request
from fastapi.responses import Response

from kboot_clusterdesc import EventKind

from .caller import ServedFleet, address_of, small_body
from .fleet import Fleet
from .problem import ProblemError

EVENTS_TAKEN = 8  # of one request; an undeclared machine fills no log


async def update(request: Request, fleet: ServedFleet) -> Response:
    """Answer one update check."""
    body = _update_answer(fleet, await small_body(request), address_of(request))
    return Response(body, media_type="text/xml")


def _update_answer(fleet: Fleet, body: bytes, address: IPv4Address | None) -> bytes:
    """Return the answer to an Omaha request; answer 400 for anything else."""
    try:
        request = fromstring(body)
    except (ParseError, DefusedXmlException, ValueError) as error:
        raise ProblemError(400, "not an Omaha request: the XML does not parse") from error
    if request.tag != "request":
        raise ProblemError(400, "not an Omaha request")
    response = Element("response", protocol="3.0", server="kboot")
    SubElement(response, "daystart", elapsed_seconds="0")
    for app in request.findall("app"):
        _answer_app(fleet, app, SubElement(response, "app", appid=app.get("appid", ""), status="ok"), address)
    return b'<?xml version="1.0" encoding="UTF-8"?>\n' + tostring(response)


def _answer_app(fleet: Fleet, app: Element, answer: Element, address: IPv4Address | None) -> None:
    if app.find("ping") is not None:
        SubElement(answer, "ping", status="ok")
    if app.find("updatecheck") is not None:
        SubElement(answer, "updatecheck", status="noupdate")
    mac = fleet.machine_at(address)
    known = any(node.mac == mac for node in fleet.nodes())
    for event in app.findall("event")[: EVENTS_TAKEN if known else 0]:
        kind = f"{event.get('eventtype', '?')[:6]}/{event.get('eventresult', '?')[:6]}"
        code = f" errorcode {event.get('errorcode', '')[:12]}" if event.get("errorcode") else ""
        detail = f"{kind} from {app.get('version', '?')[:40]}{code}"
        fleet.tell(EventKind.UPDATE, mac, address, detail=detail)
        SubElement(answer, "event", status="ok")

"""Reads what an installed machine's update client sends (Omaha 3.0, as Flatcar's update_engine speaks it). Pure.

Clients differ: of an app its id, version and track are always there, all else may be missing.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from xml.etree.ElementTree import Element, ParseError

from defusedxml import DefusedXmlException
from defusedxml.ElementTree import fromstring

APPS_TAKEN = 8
EVENTS_TAKEN = 8  # of one app
_LONGEST = 128  # characters of an attribute that are read

_TEXT = {"type": "string", "xml": {"attribute": True}}
_NUMBER = {"type": "integer", "xml": {"attribute": True}}


def _element(name: str, properties: dict[str, Any]) -> dict[str, Any]:
    return {"type": "object", "xml": {"name": name}, "properties": properties, "additionalProperties": False}


# A request, for the page of the API: what of it counts, other attributes and elements are let be.
SHAPE = _element(
    "request",
    {
        "app": {
            "type": "array",
            "items": _element(
                "app",
                {
                    **dict.fromkeys(("appid", "version", "track", "board", "machineid"), _TEXT),
                    "ping": _element("ping", {}),
                    "updatecheck": _element("updatecheck", {}),
                    "event": {
                        "type": "array",
                        "items": _element(
                            "event",
                            {
                                **dict.fromkeys(("eventtype", "eventresult", "errorcode"), _NUMBER),
                                "previousversion": _TEXT,
                            },
                        ),
                    },
                },
            ),
        }
    },
)


class NotOmaha(ValueError):
    """What was sent is no request of an update client."""


@dataclass(frozen=True, slots=True)
class ClientEvent:
    """What a client tells of an update: numbers of Omaha, -1 where none was written."""

    kind: int
    result: int
    error_code: int = 0
    previous_version: str = ""


@dataclass(frozen=True, slots=True)
class App:
    """One program that a client looks after, which is the OS."""

    app_id: str
    version: str
    track: str
    board: str = ""
    machine_id: str = ""
    pings: bool = False
    checks: bool = False
    events: tuple[ClientEvent, ...] = ()


def read_request(body: bytes) -> tuple[App, ...]:
    """Return the apps of a request; raise NotOmaha where it is none."""
    try:
        request = fromstring(body)
    except (ParseError, DefusedXmlException, ValueError, LookupError) as error:  # the last two: an odd encoding
        raise NotOmaha("the XML does not parse") from error
    if request.tag != "request":
        raise NotOmaha("its first element is not `request`")
    return tuple(_app(app) for app in request.findall("app")[:APPS_TAKEN])


def _app(app: Element) -> App:
    return App(
        app_id=_text(app, "appid"),
        version=_text(app, "version"),
        track=_text(app, "track"),
        board=_text(app, "board"),
        machine_id=_text(app, "machineid"),
        pings=app.find("ping") is not None,
        checks=app.find("updatecheck") is not None,
        events=tuple(_event(event) for event in app.findall("event")[:EVENTS_TAKEN]),
    )


def _event(event: Element) -> ClientEvent:
    return ClientEvent(
        _number(event, "eventtype", -1),
        _number(event, "eventresult", -1),
        _number(event, "errorcode", 0),
        _text(event, "previousversion"),
    )


def _text(element: Element, name: str) -> str:
    return element.get(name, "").strip()[:_LONGEST]


def _number(element: Element, name: str, otherwise: int) -> int:
    text = _text(element, name)
    digits = text.removeprefix("-")
    return int(text) if digits.isascii() and digits.isdigit() and len(digits) <= 10 else otherwise

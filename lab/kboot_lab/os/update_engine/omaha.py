"""What update_engine asks a server and reads out of its answer (omaha_request_action.cc). Pure."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from dataclasses import dataclass
from xml.etree import ElementTree as xml

from .failure import Code, UpdateError

APP = "{e96281a6-d1af-4bde-9a0a-97b76e56dc57}"
PUBLIC_SERVER = "https://public.update.flatcar-linux.net/v1/update/"
_NAME = "update_engine-0.4.10"
_NO_VERSION = "0.0.0.0"  # noqa: S104 # no address


@dataclass(frozen=True, slots=True)
class Machine:
    """Who asks: a machine as its files describe it."""

    version: str
    track: str
    board: str
    app: str
    server: str
    alias: str
    machine_id: str
    boot_id: str
    first_version: str


@dataclass(frozen=True, slots=True)
class Event:
    """One thing that happened: type and result in Omaha's numbers, a code where it is no plain success."""

    type: int
    result: int = 1
    code: int | None = None
    previous_version: str | None = None


DOWNLOAD_STARTED, DOWNLOAD_FINISHED, INSTALLED = Event(13), Event(14), Event(3)


@dataclass(frozen=True, slots=True)
class Offer:
    """An update that a server offers: where it lies, and what it must be."""

    version: str
    urls: tuple[str, ...]
    size: int
    sha256: bytes
    has_backoff: bool
    failures_per_url: int


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer to a check; without an offer there is nothing new."""

    offer: Offer | None
    poll_interval_s: int


def conf_value(texts: tuple[str, ...], key: str, default: str = "") -> str:
    """Return the value of a key in the first text that has it; a comment behind a value is part of it."""
    for text in texts:
        for line in text.splitlines():
            name, found, value = line.partition("=")
            if found and name.strip() == key and not line.lstrip().startswith("#"):
                value = value.strip()
                return value[1:-1] if len(value) > 1 and value[0] == value[-1] and value[0] in "\"'" else value
    return default


def machine_of(confs: tuple[str, ...], identity: Mapping[str, str]) -> Machine:
    """Return the machine that update.conf of /etc, of /usr and the release file describe, in this order."""
    version = conf_value(confs, "FLATCAR_RELEASE_VERSION")
    return Machine(
        version=version,
        track=conf_value(confs, "GROUP", "stable"),
        board=conf_value(confs, "FLATCAR_RELEASE_BOARD"),
        app=conf_value(confs, "FLATCAR_RELEASE_APPID", APP),
        server=conf_value(confs, "SERVER", PUBLIC_SERVER),
        alias=conf_value(confs, "MACHINE_ALIAS"),
        machine_id=identity["machine-id"],
        boot_id=f"{{{identity['boot-id']}}}",
        first_version=identity.get("aleph-version") or version,
    )


def check_event(version: str, previous: str | None) -> Event:
    """Return the event that goes with a check; `previous` is what ran before an update, None before the first check.

    A machine that runs what it ran before its update was started from its old system again.
    """
    if previous and previous == version:
        return Event(3, 0, Code.ROLLED_BACK)
    return Event(3, 2, previous_version=_NO_VERSION if previous is None else previous)


def request(machine: Machine, event: Event | None, *, is_check: bool, on_demand: bool) -> bytes:
    """Return the body of a request: a check with its ping and event, a ping alone, or an event alone."""
    source = "ondemandupdate" if on_demand else "scheduler"
    root = xml.Element(
        "request", protocol="3.0", version=_NAME, updaterversion=_NAME, installsource=source, ismachine="1"
    )
    xml.SubElement(root, "os", version="Chateau", platform="CoreOS", sp=f"{machine.version}_x86_64")
    app = xml.SubElement(root, "app", _app_attributes(machine))
    if is_check or event is None:
        xml.SubElement(app, "ping", active="1")
    if is_check:
        xml.SubElement(app, "updatecheck")
    if event is not None:
        xml.SubElement(app, "event", _event_attributes(event))
    xml.indent(root, "    ")
    return b'<?xml version="1.0" encoding="UTF-8"?>\n' + xml.tostring(root, short_empty_elements=False) + b"\n"


def _app_attributes(machine: Machine) -> dict[str, str]:
    return {
        "appid": machine.app,
        "version": machine.version,
        "track": machine.track,
        "bootid": machine.boot_id,
        "oem": "",
        "oemversion": "",
        "alephversion": machine.first_version,
        "machineid": machine.machine_id,
        "machinealias": machine.alias,
        "lang": "en-US",
        "board": machine.board,
        "hardware_class": "",
        "delta_okay": "false",
    }


def _event_attributes(event: Event) -> dict[str, str]:
    attributes = {"eventtype": str(event.type), "eventresult": str(event.result)}
    if event.previous_version is not None:
        attributes["previousversion"] = event.previous_version
    if event.code is not None:
        attributes["errorcode"] = str(int(event.code))
    return attributes


def answer(body: bytes) -> Answer:
    """Return what a server's answer to a check says; raises UpdateError with the code that update_engine reports."""
    if not body:
        raise UpdateError(Code.EMPTY_ANSWER, "the answer is empty")
    try:
        root = xml.fromstring(body)  # noqa: S314 # from the server that the machine installs its system from
    except xml.ParseError as error:
        raise UpdateError(Code.ANSWER_NOT_XML, f"the answer is no XML: {error}") from error
    check = root.find("./app/updatecheck") if root.tag == "response" else None
    status = None if check is None else check.get("status")
    if check is None or status not in ("ok", "noupdate"):
        raise UpdateError(Code.ANSWER, f"the answer's updatecheck says {status}")
    interval = check.get("PollInterval", "")
    return Answer(_offer(check) if status == "ok" else None, int(interval) if interval.isdecimal() else 0)


def _offer(check: xml.Element) -> Offer:
    package = check.find("./manifest/packages/package")
    manifest = check.find("./manifest")
    action = check.find("./manifest/actions/action[@event='postinstall']")
    bases = [url.get("codebase", "") for url in check.findall("./urls/url")]
    if package is None or manifest is None or action is None or not all(bases) or not bases:
        raise UpdateError(Code.ANSWER, "the answer offers no package, no URL or no action")
    name, size = package.get("name", ""), package.get("size", "")
    failures = action.get("MaxFailureCountPerUrl", "")
    if not name or not size.isdecimal() or int(size) == 0:
        raise UpdateError(Code.ANSWER, f"the package `{name}` of {size or 'no'} bytes is none")
    return Offer(
        version=manifest.get("version", ""),
        urls=tuple(f"{base.removesuffix('/')}/{name}" for base in bases),
        size=int(size),
        sha256=_digest(action.get("sha256", "")),
        has_backoff=action.get("DisablePayloadBackoff") != "true",
        failures_per_url=int(failures) if failures.isdecimal() and int(failures) else 10,
    )


def _digest(text: str) -> bytes:
    """Return the bytes of the payload's hash; a missing one is noticed now, a wrong one once all is downloaded."""
    if not text:
        raise UpdateError(Code.ANSWER, "the answer has no hash of the payload")
    try:
        return base64.b64decode(text)
    except binascii.Error:
        return b""

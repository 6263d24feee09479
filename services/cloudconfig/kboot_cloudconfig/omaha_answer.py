"""Writes what an update client is answered: the one form that update_engine, ue-rs and go-omaha all take. Pure.

No namespace, `codebase` with its last slash, sizes and hashes of the OS package without `hash_sha256`, which two of
them want in two forms, and `noupdate` for whatever is not offered: all else is an error to update_engine.
"""

from __future__ import annotations

from base64 import b64decode
from collections.abc import Iterable
from dataclasses import dataclass
from xml.etree.ElementTree import Element, SubElement, tostring

from kboot_clusterdesc.update_payload import PayloadFile, UpdatePayload

from .omaha_request import App

_HEAD = b'<?xml version="1.0" encoding="UTF-8"?>\n'


@dataclass(frozen=True, slots=True)
class OfferedUpdate:
    """A release that a machine may take now, and the URL of the folder where its files are."""

    payload: UpdatePayload
    base_url: str


def answer(apps: Iterable[tuple[App, OfferedUpdate | None]]) -> bytes:
    """Return the answer to a request: for each of its apps what it may take, None for nothing."""
    response = Element("response", protocol="3.0", server="kboot")
    SubElement(response, "daystart", elapsed_seconds="0")
    for app, offered in apps:
        _answer_app(SubElement(response, "app", appid=app.app_id, status="ok"), app, offered)
    return _HEAD + tostring(response)


def _answer_app(element: Element, app: App, offered: OfferedUpdate | None) -> None:
    if app.pings:
        SubElement(element, "ping", status="ok")
    if app.checks:
        _answer_check(element, offered)
    for _ in app.events:
        SubElement(element, "event", status="ok")


def _answer_check(app: Element, offered: OfferedUpdate | None) -> None:
    check = SubElement(app, "updatecheck", status="ok" if offered else "noupdate")
    urls = SubElement(check, "urls")  # empty too: ue-rs wants it
    if offered is None:
        return
    SubElement(urls, "url", codebase=offered.base_url.rstrip("/") + "/")
    manifest = SubElement(check, "manifest", version=offered.payload.version)
    packages = SubElement(manifest, "packages")
    system, *extensions = offered.payload.files
    SubElement(packages, "package", name=system.name, size=str(system.size), hash=system.sha1, required="true")
    for file in extensions:
        _add_extension(packages, file)
    actions = SubElement(manifest, "actions")
    # Without DisablePayloadBackoff a client waits for a day or more after each download.
    SubElement(actions, "action", event="postinstall", sha256=system.sha256, DisablePayloadBackoff="true")


def _add_extension(packages: Element, file: PayloadFile) -> None:
    sha256 = b64decode(file.sha256).hex()  # ue-rs, which alone takes these, reads hex
    size = str(file.size)
    SubElement(packages, "package", name=file.name, size=size, hash=file.sha1, hash_sha256=sha256, required="false")

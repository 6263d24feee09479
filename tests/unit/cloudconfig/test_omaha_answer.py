"""The form of the answers: what each of the real clients needs is there, and what one of them chokes on is not."""

from __future__ import annotations

from base64 import b64encode
from hashlib import sha1, sha256
from xml.etree.ElementTree import Element

from defusedxml.ElementTree import fromstring

from kboot_cloudconfig.omaha_answer import OfferedUpdate, answer
from kboot_cloudconfig.omaha_request import App, ClientEvent
from kboot_clusterdesc.update_payload import PayloadFile, UpdatePayload

APP = App("{e96281a6-d1af-4bde-9a0a-97b76e56dc57}", "4230.2.0", "stable", pings=True, checks=True)


def file(name: str, content: bytes) -> PayloadFile:
    """A payload with its hashes."""
    hashes = (b64encode(kind(content).digest()).decode() for kind in (sha1, sha256))
    return PayloadFile(name, len(content), *hashes)


PAYLOAD = UpdatePayload("4230.2.3", (file("flatcar_production_update.gz", b"os"), file("flatcar-zfs.gz", b"zfs")))


def answered(app: App, offered: OfferedUpdate | None = None) -> Element:
    """The app of an answer."""
    (element,) = fromstring(answer([(app, offered)])).findall("app")
    return element


def found(element: Element, path: str) -> Element:
    """The one element there."""
    (there,) = element.findall(path)
    return there


def test_an_offer_has_what_all_clients_need_and_nothing_that_one_of_them_refuses() -> None:
    app = answered(APP, OfferedUpdate(PAYLOAD, "http://10.10.14.253/stable/4230.2.3/"))
    assert app.attrib == {"appid": APP.app_id, "status": "ok"}
    assert found(app, "ping").attrib == {"status": "ok"}
    assert found(app, "updatecheck").attrib == {"status": "ok"}
    assert found(app, "updatecheck/urls/url").attrib == {"codebase": "http://10.10.14.253/stable/4230.2.3/"}
    manifest = found(app, "updatecheck/manifest")
    assert manifest.attrib == {"version": "4230.2.3"}
    system, extension = manifest.findall("packages/package")
    assert system.attrib == {
        "name": "flatcar_production_update.gz",
        "size": "2",
        "hash": b64encode(sha1(b"os").digest()).decode(),  # noqa: S324 - the protocol's
        "required": "true",
    }
    assert extension.attrib == {
        "name": "flatcar-zfs.gz",
        "size": "3",
        "hash": b64encode(sha1(b"zfs").digest()).decode(),  # noqa: S324 - the protocol's
        "hash_sha256": sha256(b"zfs").hexdigest(),
        "required": "false",
    }
    assert found(manifest, "actions/action").attrib == {
        "event": "postinstall",
        "sha256": b64encode(sha256(b"os").digest()).decode(),
        "DisablePayloadBackoff": "true",
    }


def test_the_response_names_its_protocol_and_no_namespace() -> None:
    sent = answer([(APP, None)])
    assert sent.startswith(b'<?xml version="1.0" encoding="UTF-8"?>\n<response protocol="3.0" ')
    assert b"xmlns" not in sent


def test_codebase_ends_in_a_slash_whatever_it_was_given_as() -> None:
    for base in ("http://10.0.0.1/stable/1", "http://10.0.0.1/stable/1/"):
        url = found(answered(APP, OfferedUpdate(PAYLOAD, base)), "updatecheck/urls/url")
        assert url.attrib == {"codebase": "http://10.0.0.1/stable/1/"}


def test_nothing_to_offer_is_noupdate_with_no_url() -> None:
    check = found(answered(APP), "updatecheck")
    assert check.attrib == {"status": "noupdate"}
    assert [child.tag for child in check] == ["urls"]
    assert not list(found(check, "urls"))


def test_a_ping_and_each_event_are_answered_alone_where_they_come_alone() -> None:
    told = App(APP.app_id, "4230.2.0", "stable", events=(ClientEvent(13, 1), ClientEvent(14, 1)))
    assert [(child.tag, child.attrib) for child in answered(told)] == [("event", {"status": "ok"})] * 2
    pinged = App(APP.app_id, "4230.2.0", "stable", pings=True)
    assert [(child.tag, child.attrib) for child in answered(pinged)] == [("ping", {"status": "ok"})]


def test_a_request_without_an_app_is_answered_without_one() -> None:
    assert [child.tag for child in fromstring(answer([]))] == ["daystart"]

"""An update payload in a release's folder, and the words of an update client, in the form of update_engine."""

from __future__ import annotations

from base64 import b64encode
from hashlib import sha1, sha256
from pathlib import Path
from xml.etree.ElementTree import Element

import httpx
from defusedxml.ElementTree import fromstring

from kboot_clusterdesc.shared_files import UPDATE
from kboot_clusterdesc.update_payload import PayloadFile, UpdatePayload, write_payload

OS_APP = "{e96281a6-d1af-4bde-9a0a-97b76e56dc57}"
PAYLOAD = "flatcar_production_update.gz"
CHECK = '<ping active="1"></ping><updatecheck></updatecheck>'


def plant_payload(folder: Path, content: bytes, name: str = PAYLOAD) -> UpdatePayload:
    """Put an update payload into the folder of a release, as the updater leaves one that it verified."""
    hashes = (b64encode(kind(content).digest()).decode() for kind in (sha1, sha256))
    payload = UpdatePayload(folder.name, (PayloadFile(name, len(content), *hashes),))
    (folder / name).write_bytes(content)
    (folder / UPDATE).write_text(write_payload(payload))
    return payload


def request(
    words: str, version: str, *, app: str = OS_APP, track: str = "stable", board: str = "amd64-usr", machine: str = ""
) -> bytes:
    """What a client sends that runs `version`; `words` are the elements of its app."""
    head = '<?xml version="1.0" encoding="UTF-8"?>\n<request protocol="3.0" installsource="scheduler" ismachine="1">'
    app_element = f'<app appid="{app}" version="{version}" track="{track}" board="{board}" machineid="{machine}">'
    os_element = f'<os version="Chateau" platform="CoreOS" sp="{version}_x86_64"></os>'
    return f"{head}{os_element}{app_element}{words}</app></request>".encode()


def event(kind: int, result: int, *, previous: str = "", error: int | None = None) -> str:
    """An event of a client."""
    code = "" if error is None else f' errorcode="{error}"'
    before = f' previousversion="{previous}"' if result == 2 else ""
    return f'<event eventtype="{kind}" eventresult="{result}"{before}{code}></event>'


def app_of(answer: httpx.Response) -> Element:
    """The app in an answer, which is one that clients take."""
    assert (answer.status_code, answer.headers["content-type"].partition(";")[0]) == (200, "text/xml")
    response = fromstring(answer.content)
    assert (response.tag, response.attrib["protocol"]) == ("response", "3.0")
    (app,) = response.findall("app")
    element: Element = app
    return element


def offered_release(answer: httpx.Response) -> str | None:
    """The number of the release that an answer to a check offers; None where it offers none."""
    if not is_offered(answer):
        return None
    (manifest,) = app_of(answer).findall("updatecheck/manifest")
    return manifest.attrib["version"]


def is_offered(answer: httpx.Response) -> bool:
    """Whether an answer to a check offers a release."""
    (check,) = app_of(answer).findall("updatecheck")
    assert check.attrib["status"] in ("ok", "noupdate")
    return check.attrib["status"] == "ok"

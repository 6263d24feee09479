"""The client of a cluster's cloud-config server: HTTPS, with the cluster's own authority and the operator's token."""

from __future__ import annotations

import hmac
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

import httpx

from kboot_clusterdesc import ClusterDesc, ClusterFolder

from ..errors import KbootError
from .tls_client import clock_fault

_SILENT_S = 40  # of a stream that says every 15 seconds that it is still there
# By this the server knows that nobody but us asks again and again, and keeps it out of its log.
_OURS = {"user-agent": f"kboot/{version('kboot')}"}

JsonObject = dict[str, Any]  # what crosses the HTTP border, passed on as it is


class Unreachable(KbootError):
    """The cloud-config server does not answer."""


class CloudConfigClient:
    """An HTTPS client of one cluster's cloud-config server, which trusts the cluster's own CA alone."""

    def __init__(self, folder: ClusterFolder, desc: ClusterDesc) -> None:
        self._folder = folder
        self._base = f"https://{desc.network.bootstrapper}"

    def get(self, path: str) -> JsonObject:
        """Return the JSON object at `path`; raise Unreachable."""
        return self._ask("GET", path)

    def nodes(self) -> list[JsonObject]:
        """Return the machines as the cloud-config server knows them; raise Unreachable."""
        found: list[JsonObject] = self.get("/v1/nodes").get("nodes", [])
        return found

    def post(self, path: str, body: JsonObject | None = None) -> JsonObject:
        """POST to `path` with the operator's token, and return the JSON object of the answer; raise Unreachable."""
        return self._ask("POST", path, {"Authorization": f"Bearer {self._token()}"}, body)

    def key_for(self, purpose: str) -> str:
        """Return what only who has the operator's token can tell, for one purpose the same each time."""
        return hmac.new(self._token().encode(), purpose.encode(), "sha256").hexdigest()

    def _token(self) -> str:
        return _read(self._folder.pki / "operator-token").strip()

    def lines(self, path: str) -> Iterator[str]:
        """Yield the lines of a stream as they come; raise Unreachable, also where it breaks off."""
        with self._client(timeout_s=_SILENT_S) as client, self._faults(), client.stream("GET", path) as answer:
            if answer.is_error:
                answer.read()
                body_of(answer, path)
            yield from answer.iter_lines()

    def _ask(
        self, method: str, path: str, headers: dict[str, str] | None = None, body: JsonObject | None = None
    ) -> JsonObject:
        with self._client(timeout_s=10) as client, self._faults():
            answer = client.request(method, path, headers=headers, json=body)
        return body_of(answer, path)

    def _client(self, *, timeout_s: float) -> httpx.Client:
        authority = self._folder.pki / "cluster-ca.pem"
        try:
            context = ssl.create_default_context(cafile=str(authority))
        except OSError as error:
            way = "run kboot as root" if isinstance(error, PermissionError) else "run `kboot up` first"
            raise Unreachable(f"{authority}: cannot be read: {error.strerror}", way) from error
        # trust_env off: a proxy of the site must not stand between us and our own machine
        return httpx.Client(base_url=self._base, verify=context, timeout=timeout_s, trust_env=False, headers=_OURS)

    @contextmanager
    def _faults(self) -> Iterator[None]:
        try:
            yield
        except httpx.HTTPError as error:
            way = f"read `kboot logs cloudconfig --cluster {self._folder.cluster}`, then `kboot up`"
            if clock_fault(error):
                clock = f"the clock of this machine stands at {datetime.now(UTC):%Y-%m-%d %H:%M} UTC"
                way = f"{clock}: set it (`timedatectl`) where that is wrong, else {way}"
            raise Unreachable(f"the cloud-config server at {self._base} does not answer: {error}", way) from error


def _read(path: Path) -> str:
    try:
        return path.read_text()
    except OSError as error:
        raise KbootError(f"{path}: cannot be read: {error.strerror}", "run kboot as root") from error


def body_of(answer: httpx.Response, path: str) -> JsonObject:
    """Return the JSON object of an answer, its text fit for a terminal; raise KbootError where that is a fault."""
    try:
        body = printable(answer.json()) if answer.content else {}
    except ValueError:
        body = {}
    if not isinstance(body, dict):
        body = {"items": body}
    if answer.is_error:
        detail = body.get("detail") or body.get("title") or ""
        raise KbootError(f"{path}: the cloud-config server answers {answer.status_code} {detail}".rstrip())
    return body


def printable(part: Any) -> Any:
    """Return what was parsed, with what a terminal would act on escaped: a machine may tell what it likes."""
    if isinstance(part, dict):
        return {printable(key): printable(value) for key, value in part.items()}
    if isinstance(part, list):
        return [printable(each) for each in part]
    if not isinstance(part, str):
        return part
    return "".join(each if each.isprintable() else each.encode("unicode_escape").decode() for each in part)

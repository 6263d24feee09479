"""Download one file over HTTP into the store: resume a broken download, accept only a whole file."""

from __future__ import annotations

import errno
import shutil
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import httpx

from .fault import DiskFull, NotTheFile, NotThere, Stopped, Unreachable, UpdaterFault
from .part_file import PartFile, Reader, Validator
from .releases import Auth

Progress = Callable[[str, int, int | None], None]  # a file, how many bytes of it came, and of how many

_PROGRESS_S = 2.0
_RETRIED = frozenset({408, 425, 429, 500, 502, 503, 504})
_NO_ROOM = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
_PAGE_STARTS = (b"<!doctype html", b"<html")


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """The limits of waiting for a server. An attempt that brought new bytes starts the count of failed ones anew."""

    attempts: int = 5
    first_pause_s: float = 1.0
    connect_timeout_s: float = 10.0
    read_timeout_s: float = 30.0
    slowest_bytes_per_s: float = 1024.0
    slow_for_s: float = 60.0


class _TooSlow(Unreachable):
    """The server sends, but so little that the file would take days."""


class Downloader:
    """Downloads files with one HTTP client; setting `stop` ends a download between two chunks."""

    def __init__(
        self,
        stop: threading.Event,
        retries: RetryPolicy | None = None,
        *,
        authority: Path | None = None,
        progress: Progress | None = None,
    ) -> None:
        """`authority` is a file with CAs that are trusted beside the public ones; it need not be there."""
        self._retries = retries or RetryPolicy()
        self._stop = stop
        self._authority = authority
        self._progress = progress
        self.received_bytes = 0

    @cached_property
    def _client(self) -> httpx.Client:
        timeout = httpx.Timeout(self._retries.read_timeout_s, connect=self._retries.connect_timeout_s)
        return httpx.Client(
            timeout=timeout,
            follow_redirects=True,
            verify=_trust(self._authority),
            # The signature is of the file as it lies at the server, so the server may not compress it.
            headers={"Accept-Encoding": "identity", "User-Agent": "kboot-updater"},
        )

    def close(self) -> None:
        """Close the connections."""
        if "_client" in self.__dict__:
            self._client.close()

    def fetch(
        self,
        url: str,
        target: Path,
        auth: Auth | None = None,
        max_bytes: int | None = None,
        reader: Reader | None = None,
    ) -> None:
        """Download `url` to `target`, and go on where an earlier run stopped; raises an UpdaterFault.

        `reader` is shown the whole file, also what an earlier run brought.
        """
        part = PartFile(target, reader)
        failed, farthest = 0, part.size
        for _ in part.catching_up():
            self.heed_stop()
        if part.is_whole(url):
            part.finish()
            return
        while True:
            try:
                self._attempt(url, part, auth, max_bytes)
                part.finish()
                return
            except OSError as error:
                raise _disk_fault(error, target) from error
            except Unreachable as fault:
                # Only bytes past the farthest point so far count: a server may break off at the same byte for ever.
                came_on = part.size > farthest and not isinstance(fault, _TooSlow)
                failed = 1 if came_on else failed + 1
                farthest = max(farthest, part.size)
                if failed >= self._retries.attempts:
                    raise
                self._pause(failed, fault)

    def _pause(self, failed: int, fault: UpdaterFault) -> None:
        if self._stop.wait(self._retries.first_pause_s * 2 ** (failed - 1)):
            raise Stopped("the updater was told to end") from fault

    def heed_stop(self) -> None:
        """Raise Stopped where the updater was told to end."""
        if self._stop.is_set():
            raise Stopped("the updater was told to end")

    def _attempt(self, url: str, part: PartFile, auth: Auth | None, max_bytes: int | None) -> None:
        headers = part.resume_headers(url)
        try:
            with self._client.stream("GET", url, headers=headers, auth=auth) as answer:
                self._take(answer, url, part, max_bytes)
        except httpx.InvalidURL as error:
            raise UpdaterFault(f"{url} is no address: {error}; `os.release_url` in the description gives it") from error
        except httpx.TooManyRedirects as error:
            raise NotTheFile(f"{url} redirects without end") from error
        except httpx.HTTPError as error:
            raise Unreachable(f"{url}: {_reason(error)}") from error

    def _take(self, answer: httpx.Response, url: str, part: PartFile, max_bytes: int | None) -> None:
        _check_status(answer.status_code, url)
        _check_kind(answer, url)
        if answer.status_code == 416:
            part.discard()
            raise Unreachable(f"{url}: the server has not the rest of it, it is begun anew")
        length = _whole_length(answer, url)
        if answer.status_code == 206:
            if not part.continues(answer.headers.get("content-range", "")):
                part.discard()
                raise Unreachable(f"{url}: the server sent another part than asked for")
        else:
            part.begin(url, Validator.of(answer.headers), length)
        _check_room(part, length)
        with part.opened() as stream:
            for chunk in self._chunks(answer, url, part, length):
                if part.size == 0 and chunk[:64].lstrip().lower().startswith(_PAGE_STARTS):
                    raise NotTheFile(f"{url} was answered with a web page: a proxy or a login page stands between")
                part.append(stream, chunk)
                if max_bytes is not None and part.size > max_bytes:
                    raise NotTheFile(f"{url} is longer than {max_bytes} bytes, which no such file is")
                self.received_bytes += len(chunk)
        if length is not None and part.size != length:
            part.discard()
            raise Unreachable(f"{url}: {part.size} bytes came, {length} were announced")
        if part.size == 0:
            part.discard()
            raise NotTheFile(f"{url} is empty")

    def _chunks(self, answer: httpx.Response, url: str, part: PartFile, length: int | None) -> Iterator[bytes]:
        began, came = time.monotonic(), 0
        told = began
        for chunk in answer.iter_raw():
            self.heed_stop()
            yield chunk
            if self._progress is not None and time.monotonic() - told >= _PROGRESS_S:
                told = time.monotonic()
                self._progress(part.name, part.size, length)
            came += len(chunk)
            gone = time.monotonic() - began
            if gone >= self._retries.slow_for_s:
                if came / gone < self._retries.slowest_bytes_per_s:
                    raise _TooSlow(f"{url}: {came} bytes in {gone:.0f} s is too slow")
                began, came = time.monotonic(), 0


def _trust(authority: Path | None) -> ssl.SSLContext:
    context = httpx.create_ssl_context()
    if authority is not None and authority.exists():
        try:
            context.load_verify_locations(cafile=authority)
        except (OSError, ssl.SSLError) as error:
            raise UpdaterFault(f"the CA of `os.release_ca` cannot be read: {error}; it has to be in PEM") from error
    return context


def _check_status(status: int, url: str) -> None:
    if status in (200, 206, 416):
        return
    if status in (404, 410):
        raise NotThere(f"{url} is not there (HTTP {status})")
    if status in (401, 403, 407):
        raise NotThere(f"{url} is not given to us (HTTP {status}): `os.release_url` may hold a user and password")
    if status in _RETRIED:
        raise Unreachable(f"{url}: the server answers HTTP {status}")
    raise UpdaterFault(f"{url}: the server answers HTTP {status}")


def _check_kind(answer: httpx.Response, url: str) -> None:
    if answer.headers.get("content-type", "").lower().startswith(("text/html", "application/xhtml")):
        raise NotTheFile(f"{url} was answered with a web page: a proxy or a login page stands between")


def _whole_length(answer: httpx.Response, url: str) -> int | None:
    """Return the size of the whole file in bytes; None for a chunked answer, whose size only its end tells."""
    if answer.status_code == 206:
        total = answer.headers.get("content-range", "").rpartition("/")[2]
        return int(total) if total.isascii() and total.isdigit() else None
    length = answer.headers.get("content-length", "")
    if length.isascii() and length.isdigit():
        return int(length)
    if "chunked" in answer.headers.get("transfer-encoding", "").lower():
        return None
    raise NotTheFile(f"{url}: the server does not say how long it is, so that a part could pass for the whole")


def _check_room(part: PartFile, length: int | None) -> None:
    if length is None:
        return
    free, needed = shutil.disk_usage(part.folder).free, length - part.size
    if needed > free:
        raise DiskFull(
            f"the store has no room for {part.name}: {needed} bytes are needed, {free} are free; "
            "free space, or set a lower `os.update.keep`"
        )


def _disk_fault(error: OSError, target: Path) -> UpdaterFault:
    if error.errno in _NO_ROOM:
        return DiskFull(
            f"the store has no room for {target.name} ({error.strerror}); free space, or set a lower `os.update.keep`"
        )
    return UpdaterFault(f"{target.name} cannot be written: {error.strerror}")


def _reason(error: httpx.HTTPError) -> str:
    if isinstance(error, httpx.TimeoutException):
        return "the server does not answer in time"
    return str(error) or type(error).__name__

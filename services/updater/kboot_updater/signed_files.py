"""Brings the files of a release, none without its signature, and verifies them while they come or as they lie here."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from .download import Downloader
from .fault import NewerKeyNeeded, NotThere, SignatureRefused, UpdaterFault
from .gpgv import Gpgv
from .release_key import ReleaseKey
from .releases import ReleaseServer
from .signature import Keyring, judge, verify

VERSION_FILE = "version.txt"
_SMALL_BYTES = 1 << 20  # a signature has some hundred bytes, version.txt as many


class SignedFiles:
    """The files of one server's releases, and the key that vouches for them."""

    def __init__(
        self, server: ReleaseServer, key: ReleaseKey, downloader: Downloader, remark: Callable[[str], None]
    ) -> None:
        """`remark` is given what an operator should know of a key that vouched for a file."""
        self._server = server
        self._key = key
        self._downloader = downloader
        self._remark = remark
        self._keyring: Keyring | None = None

    def bring(self, version: str, name: str, folder: Path) -> None:
        """Download what `folder` lacks of a file and its signature, and verify it; raises an UpdaterFault."""
        file, signature = folder / name, folder / f"{name}.sig"
        if name == VERSION_FILE:
            # It comes before its signature: if it is not there, the server lacks the whole release.
            self._fetch(version, file)
            self._fetch_signature(version, signature)
            self.verify(file, signature)
            return
        # A large file comes after its signature: if that is not there, no byte of the file is downloaded.
        self._fetch_signature(version, signature)
        if file.exists():
            self.verify(file, signature)
            return
        with Gpgv(signature, self._trusted().data) as gpgv:
            self._fetch(version, file, gpgv)
            self.verify(file, signature, gpgv.status())

    def _fetch_signature(self, version: str, signature: Path) -> None:
        try:
            self._fetch(version, signature)
        except NotThere as fault:
            raise SignatureRefused(f"{signature.stem} is refused: it has no signature: {fault}") from fault

    def _fetch(self, version: str, target: Path, reader: Gpgv | None = None) -> None:
        if not target.exists():
            limit = _SMALL_BYTES if reader is None else None
            url = self._server.file(version, target.name)
            self._downloader.fetch(url, target, self._server.auth, limit, reader)

    def verify(self, file: Path, signature: Path, status: str | None = None) -> None:
        """Verify a file by gpgv's `status` of it, or by a run of gpgv over the file; raises SignatureRefused."""
        keyring = self._trusted()
        try:
            verified = verify(file, signature, keyring) if status is None else judge(status, keyring, file.name)
        except NewerKeyNeeded as refused:
            newer = self._newer_key()
            if newer is None:
                raise
            self._keyring = newer
            try:
                verified = verify(file, signature, newer)
            except SignatureRefused as again:
                raise again from refused
        if verified.note is not None:
            self._remark(verified.note)

    def _trusted(self) -> Keyring:
        self._keyring = self._keyring or self._key.keyring()
        return self._keyring

    def _newer_key(self) -> Keyring | None:
        """Return the family's key as published now, since it gets a signing key each year; None if none is newer."""
        try:
            return self._key.newer()
        except UpdaterFault:
            return None

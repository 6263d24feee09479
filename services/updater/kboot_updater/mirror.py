"""Check a release channel: find out the wanted release, download and verify it, and put it in force."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

from kboot_clusterdesc import FamilyNames
from kboot_clusterdesc.event_kind import ReleaseEventKind
from kboot_clusterdesc.model import Os
from kboot_clusterdesc.shared_files import origin_of
from kboot_clusterdesc.update_payload import payload_names

from .download import Downloader
from .fault import DiskFull, NewerKeyNeeded, NotTheFile, NotThere, SignatureRefused, UpdaterFault
from .gpgv import Gpgv
from .payload_mirror import PayloadMirror
from .release_key import ReleaseKey
from .release_store import ReleaseStore
from .releases import release_server, version_in, version_order
from .settings import Settings
from .signature import Keyring, judge, verify
from .status import MirrorStatus

_VERSION_FILE = "version.txt"
_SMALL_BYTES = 1 << 20  # a signature has some hundred bytes, version.txt as many


class Mirror:
    """The channel that the description follows: its releases at the server and in the store."""

    def __init__(
        self,
        settings: Settings,
        os: Os,
        names: FamilyNames,
        downloader: Downloader,
        status: MirrorStatus,
        clock: Callable[[], datetime],
    ) -> None:
        self._os = os
        self._names = names
        self._server = release_server(os)
        self._downloader = downloader
        self._status = status
        self._clock = clock
        self._key = ReleaseKey(settings, names, downloader)
        self._keyring: Keyring | None = None
        self._payloads = PayloadMirror(settings, os, names, downloader, self._tell_refused)
        self.store = ReleaseStore(settings.images, os.channel, names.release_files, origin_of(os))

    def check(self) -> None:
        """Download the wanted release if the store lacks it, put it in force, prune; raises an UpdaterFault."""
        current = self.store.current
        wanted = self._wanted(current)
        if not self.store.has(wanted) and not self._accept_by_hand(wanted):
            self._bring(wanted)
        if wanted != current:
            self._switch(current, wanted)
        self._prune(wanted)

    def bring_payloads(self) -> None:
        """Bring what updates installed machines to the release in force, if it is not here; raises an UpdaterFault."""
        version = self.store.current
        self._status.payload = None
        if version is None or not payload_names(self._os):
            return
        if self._payloads.bring(version):
            what = f"the update payload of release {version} of {self._os.channel}"
            self._note(ReleaseEventKind.PAYLOAD, f"{what} is here and verified: installed machines may come to it")
        self._status.payload = version

    def _tell_refused(self, detail: str) -> None:
        self._note(ReleaseEventKind.REFUSED, detail)

    def _wanted(self, current: str | None) -> str:
        if self._os.version != "current":
            return self._os.version
        if current is not None and not self._os.update.enabled:
            return current
        return self._brought(current) or self._followed()

    def _brought(self, current: str | None) -> str | None:
        """Return the newest release brought by hand, once verified, if it is newer than the one in force.

        Whoever brought it wants it, and may have no way to the server, which then is not asked.
        """
        for version in self.store.all_brought_by_hand():
            if current is not None and version_order(version) <= version_order(current):
                return None
            if self._accept_by_hand(version):
                return version
        return None

    def _followed(self) -> str:
        """Return the number of the channel's current release; files are fetched by number, as `current` may move."""
        with tempfile.TemporaryDirectory(prefix="kboot-current-") as scratch:
            folder = Path(scratch)
            self._bring_file("current", _VERSION_FILE, folder)
            return self._number_in(folder / _VERSION_FILE)

    def _number_in(self, file: Path) -> str:
        try:
            return version_in(file.read_text("utf-8", "replace"), self._names.version_key)
        except ValueError as error:
            raise NotTheFile(f"{_VERSION_FILE} of {self._server.url} is of no use: {error}") from error

    def _bring(self, version: str) -> None:
        folder = self.store.incoming(version)
        try:
            for name in self._names.release_files:
                self._bring_file(version, name, folder)
                if name == _VERSION_FILE:
                    self._check_number(folder, version)
            self.store.move_into_place(version)
        except (SignatureRefused, NotTheFile, DiskFull):
            # A refused release is downloaded afresh next time, and others need the room on a full disk.
            self.store.discard_incoming()
            raise
        self._note(ReleaseEventKind.MIRRORED, f"release {version} of {self._os.channel} is here and verified")

    def _check_number(self, folder: Path, version: str) -> None:
        number = self._number_in(folder / _VERSION_FILE)
        if number != version:
            raise SignatureRefused(
                f"release {version} is refused: its {_VERSION_FILE} at {self._server.url} says {number}, "
                "so the server mixes releases"
            )

    def _bring_file(self, version: str, name: str, folder: Path) -> None:
        file, signature = folder / name, folder / f"{name}.sig"
        if name == _VERSION_FILE:
            # It comes before its signature: if it is not there, the server lacks the whole release.
            self._fetch(version, file)
            self._fetch_signature(version, signature)
            self._verify(file, signature)
            return
        # A large file comes after its signature: if that is not there, no byte of the file is downloaded.
        self._fetch_signature(version, signature)
        if file.exists():
            self._verify(file, signature)
            return
        with Gpgv(signature, self._trusted().data) as gpgv:
            self._fetch(version, file, gpgv)
            self._verify(file, signature, gpgv.status())

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

    def _verify(self, file: Path, signature: Path, status: str | None = None) -> None:
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
            self._note(ReleaseEventKind.KEY_EXPIRED, verified.note, standing=True)

    def _trusted(self) -> Keyring:
        self._keyring = self._keyring or self._key.keyring()
        return self._keyring

    def _newer_key(self) -> Keyring | None:
        """Return the family's key as published now, since it gets a signing key each year; None if none is newer."""
        try:
            return self._key.newer()
        except UpdaterFault:
            return None

    def _accept_by_hand(self, version: str) -> bool:
        folder = self.store.brought_by_hand(version)
        if folder is None:
            return False
        state = self.store.state_of(version)
        if self.store.was_refused(version, state, self._key.content()):
            return False
        try:
            for name in self._names.release_files:
                self._verify(folder / name, folder / f"{name}.sig")
            self._check_number(folder, version)
        except (SignatureRefused, NotTheFile) as fault:
            self._note(fault.kind, f"the copy of {version} in the store is not taken: {fault}")
            self.store.remember_refused(version, state, self._key.content())
            return False
        self.store.accept(version)
        detail = f"release {version} of {self._os.channel} was brought by hand and is verified"
        self._note(ReleaseEventKind.MIRRORED, detail)
        return True

    def _switch(self, current: str | None, wanted: str) -> None:
        self.store.switch(wanted)
        self._status.previous = current
        self._status.switches_total += 1
        back = current is not None and version_order(wanted) < version_order(current)
        if back and self._os.version == "current":
            detail = f"{self._os.channel} went back upstream: from release {current} to {wanted}"
            self._note(ReleaseEventKind.ROLLED_BACK, detail)
        else:
            before = f", before it was {current}" if current else ""
            self._note(ReleaseEventKind.SWITCHED, f"release {wanted} of {self._os.channel} is in force{before}")

    def _prune(self, wanted: str) -> None:
        # A machine that is being installed now may still download the previous release.
        in_use = {wanted, self._status.previous or wanted}
        pruned = self.store.prune(self._os.update.keep, in_use)
        if pruned:
            self._note(ReleaseEventKind.PRUNED, f"removed of {self._os.channel}: {', '.join(pruned)}")

    def _note(self, kind: ReleaseEventKind, detail: str, *, standing: bool = False) -> None:
        self._status.note(self._clock(), kind, detail, standing=standing)

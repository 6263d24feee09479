"""Brings the update payloads of a release, verified, beside its other files, and says in update.json that they are."""

from __future__ import annotations

import os
import shutil
from base64 import b64encode
from collections.abc import Callable
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

from kboot_clusterdesc import FamilyNames
from kboot_clusterdesc.model import Os
from kboot_clusterdesc.shared_files import UPDATE
from kboot_clusterdesc.update_payload import PayloadFile, UpdatePayload, payload_names, read_payload, write_payload

from .download import Downloader
from .fault import DiskFull, NotTheFile, SignatureRefused
from .payload import Payload, PayloadReader, stated_sha256
from .payload_key import payload_key, verify_payload
from .release_store import disk_faults, sync, write_whole
from .releases import ReleaseServer, payload_server
from .settings import Settings

_CHECKSUM_BYTES = 1 << 12
_READ_BYTES = 1 << 20


class PayloadMirror:
    """The payloads of one channel's releases: at their server, and in the store."""

    def __init__(
        self, settings: Settings, os: Os, names: FamilyNames, downloader: Downloader, tell: Callable[[str], None]
    ) -> None:
        """`tell` is given why a file that lies in the store is not taken."""
        self._settings = settings
        self._os = os
        self._names = names
        self._downloader = downloader
        self._tell = tell
        self._channel = settings.images / os.channel
        self._incoming = settings.images / ".payloads"

    def bring(self, version: str) -> bool:
        """Bring the payloads that a release in the store lacks, and return whether it did; raises an UpdaterFault.

        What lies there without being told of in update.json was brought by hand, or by a run that did not end.
        """
        wanted = payload_names(self._os)
        if not wanted or has_payloads(self._channel / version, version, wanted):
            shutil.rmtree(self._incoming, ignore_errors=True)
            return False
        key = payload_key(self._settings.given_payload_key, self._names)
        folder = self._folder_of(version)
        try:
            files = tuple(self._bring_one(version, name, folder, key) for name in wanted)
        except (SignatureRefused, NotTheFile, DiskFull):
            # What was refused is downloaded afresh next time, and others need the room on a full disk.
            shutil.rmtree(self._incoming, ignore_errors=True)
            raise
        with disk_faults("the store"):
            write_whole(self._channel / version / UPDATE, write_payload(UpdatePayload(version, files)))
        shutil.rmtree(self._incoming, ignore_errors=True)
        return True

    def verify(self, version: str) -> bool:
        """Verify the payloads that were, and return whether there are any; raises SignatureRefused or NotTheFile."""
        release = self._channel / version
        try:
            told = read_payload((release / UPDATE).read_bytes())
        except FileNotFoundError:
            return False
        except ValueError as error:
            raise NotTheFile(f"{UPDATE} is damaged: {error}") from error
        key = payload_key(self._settings.given_payload_key, self._names)
        for file in told.files:
            for path in (release / file.name, _checksum_of(release / file.name)):
                if not path.is_file():
                    raise NotTheFile(f"{path.name} is gone")
            self._verified(release / file.name, self._read(release / file.name), key)
        return True

    def withdraw(self, version: str) -> None:
        """Take back that the payloads of a release were verified: nobody is offered it."""
        with disk_faults("the store"):
            (self._channel / version / UPDATE).unlink(missing_ok=True)

    def _folder_of(self, version: str) -> Path:
        """Return the folder to download into, with what an earlier run left; remove the others."""
        folder = self._incoming / f"{self._os.channel}-{version}"
        with disk_faults("the store"):
            folder.mkdir(parents=True, exist_ok=True)
        for other in self._incoming.iterdir():
            if other != folder:
                shutil.rmtree(other, ignore_errors=True)
        return folder

    def _bring_one(self, version: str, name: str, folder: Path, key: RSAPublicKey) -> PayloadFile:
        release = self._channel / version
        if (release / name).is_file() and _checksum_of(release / name).is_file():
            try:
                return self._verified(release / name, self._read(release / name), key)
            except (SignatureRefused, NotTheFile) as fault:
                self._tell(f"the copy in the store of release {version} is not taken: {fault}")
        payload = self._fetched(payload_server(self._os), version, folder / name)
        found = self._verified(folder / name, payload, key)
        with disk_faults("the store"):
            for file in (_checksum_of(folder / name), folder / name):
                os.replace(file, release / file.name)
            sync(release)
        return found

    def _fetched(self, server: ReleaseServer, version: str, target: Path) -> Payload:
        checksum = _checksum_of(target)
        if not checksum.exists():
            # It comes first: a server that lacks it does not send the payload for nothing.
            self._downloader.fetch(server.file(version, checksum.name), checksum, server.auth, _CHECKSUM_BYTES)
        if target.exists():
            return self._read(target)
        reader = PayloadReader(target.name)
        self._downloader.fetch(server.file(version, target.name), target, server.auth, None, reader)
        return reader.payload()

    def _read(self, file: Path) -> Payload:
        reader = PayloadReader(file.name)
        with file.open("rb") as stream:
            while piece := stream.read(_READ_BYTES):
                self._downloader.heed_stop()
                reader.take(piece)
        return reader.payload()

    def _verified(self, file: Path, payload: Payload, key: RSAPublicKey) -> PayloadFile:
        """Return what is told of a payload; raises SignatureRefused or NotTheFile if it is not what was signed."""
        stated = stated_sha256(_checksum_of(file).read_text("utf-8", "replace"), file.name)
        if stated != payload.sha256:
            found = f"its SHA-256 is {payload.sha256.hex()}, and {file.name}.sha256 says {stated.hex()}"
            raise SignatureRefused(f"{file.name} is refused: {found}")
        verify_payload(payload, key, file.name)
        return PayloadFile(
            file.name, payload.size, b64encode(payload.sha1).decode(), b64encode(payload.sha256).decode()
        )


def has_payloads(release: Path, version: str, wanted: tuple[str, ...]) -> bool:
    """Whether the folder of a release holds the wanted payloads, which its update.json says were verified."""
    try:
        told = read_payload((release / UPDATE).read_bytes())
        whole = {file.name for file in told.files if (release / file.name).stat().st_size == file.size}
    except (OSError, ValueError):
        return False
    return told.version == version and whole >= set(wanted)


def _checksum_of(payload: Path) -> Path:
    return payload.with_name(f"{payload.name}.sha256")

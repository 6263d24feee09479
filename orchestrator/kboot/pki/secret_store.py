"""The folder `pki/`: what is in it is kept, what is missing or does not fit is made."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path

from kboot_clusterdesc import ClusterFolder

from ..state_folder import write_file
from .authority import (
    MACHINE_LIFE,
    SERVER_LIFE,
    KeyPair,
    Subject,
    end_of,
    fits,
    issue,
    new_authority,
    new_signing_pair,
)

RENEWED_BEFORE = timedelta(days=90)  # its end, by the next `kboot up`; of the bootstrapper's own alone


class SecretStore:
    """The secrets of one cluster by name; a name may hold folders."""

    def __init__(self, folder: ClusterFolder) -> None:
        folder.path.mkdir(mode=0o755, parents=True, exist_ok=True)
        folder.pki.mkdir(mode=0o700, exist_ok=True)
        self._pki = folder.pki

    def text(self, name: str, make: Callable[[], str]) -> str:
        """The text that is called `name`, made by `make` the first time."""
        path = self._place(name)
        if not path.exists():
            write_file(path, make().encode(), mode=0o600)
        return path.read_text()

    def authority(self, name: str, common_name: str, now: datetime) -> KeyPair:
        """An authority, never made a second time."""
        return self._read(name) or self._write(name, new_authority(common_name, now))

    def signing_pair(self, name: str) -> KeyPair:
        """A public and a private key without a certificate."""
        return self._read(name, "pub") or self._write(name, new_signing_pair(), "pub")

    def pair(self, name: str, authority: KeyPair, subject: Subject, now: datetime) -> KeyPair:
        """A machine's certificate and key; made anew only when they do not fit."""
        found = self._read(name)
        if found is not None and fits(found, authority, subject):
            return found
        return self.renew(name, authority, subject, now)

    def server(self, name: str, authority: KeyPair, subject: Subject, now: datetime) -> KeyPair:
        """A certificate of the bootstrapper's own; made anew also when its end is near."""
        found = self._read(name)
        if found is not None and fits(found, authority, subject) and end_of(found) - now > RENEWED_BEFORE:
            return found
        return self._write(name, issue(authority, subject, now, SERVER_LIFE))

    def renew(self, name: str, authority: KeyPair, subject: Subject, now: datetime) -> KeyPair:
        """A fresh key and certificate of a machine in place of the old ones."""
        return self._write(name, issue(authority, subject, now, MACHINE_LIFE))

    def _read(self, name: str, ending: str = "pem") -> KeyPair | None:
        certificate, key = self._place(f"{name}.{ending}"), self._place(f"{name}.key")
        if not (certificate.exists() and key.exists()):
            return None
        return KeyPair(certificate.read_bytes(), key.read_bytes())

    def _write(self, name: str, pair: KeyPair, ending: str = "pem") -> KeyPair:
        # A crash between the two leaves a pair that does not fit, which is made anew.
        write_file(self._place(f"{name}.key"), pair.key, mode=0o600)
        write_file(self._place(f"{name}.{ending}"), pair.certificate)
        return pair

    def _place(self, name: str) -> Path:
        path = self._pki / name
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        return path

"""The public key that vouches for releases: the operator's own, or the family's by its pinned fingerprint."""

from __future__ import annotations

import os
from pathlib import Path

from kboot_clusterdesc import FamilyNames

from .download import Downloader
from .fault import SignatureRefused, UpdaterFault
from .settings import Settings
from .signature import Keyring, read_keyring

_GIVE_ONE = "give the key as `os.release_key` in the description"


class ReleaseKey:
    """The release key in force. The family's key is kept in the store once it was downloaded."""

    def __init__(self, settings: Settings, names: FamilyNames, downloader: Downloader) -> None:
        self._given = settings.given_key
        self._kept = settings.images / f".release-key-{names.key_fingerprint}.asc"
        self._names = names
        self._downloader = downloader

    def content(self) -> bytes | None:
        """Return the key as it is here, the operator's or the family's; None where it would have to be downloaded."""
        given = _content(self._given)
        return given if given is not None else _content(self._kept)

    def keyring(self) -> Keyring:
        """Return the operator's key, else the family's, downloaded if the store lacks it; raises an UpdaterFault."""
        given = _content(self._given)
        if given is not None:
            return _read(given, None, "the key of `os.release_key`", "write it with `gpg --armor --export`")
        kept = _content(self._kept)
        if kept is not None:
            try:
                return read_keyring(kept, self._names.key_fingerprint)
            except ValueError:
                self._kept.unlink(missing_ok=True)
        return self._fetched()

    def newer(self) -> Keyring | None:
        """Return the family's key as published now; None where it did not change or the operator gave a key."""
        if self._given.exists():
            return None
        before = _content(self._kept)
        keyring = self._fetched()
        return keyring if _content(self._kept) != before else None

    def _fetched(self) -> Keyring:
        incoming = self._kept.with_name(f"{self._kept.name}.new")
        try:
            self._downloader.fetch(self._names.key_url, incoming)
        except UpdaterFault as fault:
            raise type(fault)(f"the release key is missing: {fault}; {_GIVE_ONE}") from fault
        try:
            keyring = _read(incoming.read_bytes(), self._names.key_fingerprint, self._names.key_url, _GIVE_ONE)
            os.replace(incoming, self._kept)
        finally:
            incoming.unlink(missing_ok=True)
        return keyring


def _read(data: bytes, pinned: str | None, where: str, remedy: str) -> Keyring:
    try:
        return read_keyring(data, pinned)
    except ValueError as error:
        raise SignatureRefused(f"{where} is refused: {error}; {remedy}") from error


def _content(path: Path) -> bytes | None:
    try:
        return path.read_bytes()
    except FileNotFoundError:
        return None
    except OSError as error:
        raise UpdaterFault(f"{path.name} cannot be read: {error.strerror}") from error

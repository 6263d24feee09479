"""Keeps secrets in the folder `pki/`, and makes what is missing or no longer fits."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path

from kboot_clusterdesc import ClusterFolder

from ...errors import KbootError
from ...host.files import NewFile, write_file, write_files
from ..certificate import end_of, fits, is_whole
from ..key_pair import KeyPair, Subject
from .issue import issue, new_authority, new_signing_pair


class SecretStore:
    """The secrets of one cluster by name; a name may hold folders."""

    def __init__(self, folder: ClusterFolder) -> None:
        folder.path.mkdir(mode=0o755, parents=True, exist_ok=True)
        folder.pki.mkdir(mode=0o700, exist_ok=True)
        self._pki = folder.pki
        self._waiting: dict[Path, NewFile] | None = None

    @contextmanager
    def together(self) -> Iterator[None]:
        """Write what is made in the block at its end, all at once: the disk is waited for twice, not at each file.

        What is made is returned before it is kept, so that nobody may act on it within the block.
        """
        self._waiting = {}
        try:
            yield
            waiting = [*self._waiting.values()]
        finally:
            self._waiting = None
        write_files(waiting)

    def text(self, name: str, make: Callable[[], str]) -> str:
        """Return the text called `name`, made by `make` the first time."""
        if (kept := self.found(name)) is not None:
            return kept
        made = make()
        self.put(name, made)
        return made

    def put(self, name: str, text: str) -> None:
        """Keep `text` as the one called `name`, in place of what was."""
        self._put([NewFile(self._pki / name, text.encode(), 0o600)])

    def found(self, name: str) -> str | None:
        """Return the text called `name`; None where it was never made."""
        try:
            return (self._pki / name).read_text()
        except FileNotFoundError:
            return None

    def authority(self, name: str, common_name: str, cluster: str, now: datetime) -> KeyPair:
        """Return the authority called `name`, which is made once and never again."""
        return self._once(name, "pem", lambda: new_authority(common_name, now, [cluster]))

    def signing_pair(self, name: str) -> KeyPair:
        """Return the public and private key called `name`, which are made once and never again."""
        return self._once(name, "pub", new_signing_pair)

    def leaf(
        self,
        name: str,
        authority: KeyPair,
        subject: Subject,
        now: datetime,
        life: timedelta,
        renewed_before: timedelta | None = None,
    ) -> KeyPair:
        """Return a certificate of `authority` and its key, made anew where they do not fit `subject`, or where
        its end is nearer than `renewed_before` and is not the end of the authority too."""
        found = self._read(name)
        if found is not None and fits(found, authority, subject):
            if renewed_before is None:
                return found
            end = end_of(found)
            if end - now > renewed_before or end == end_of(authority):
                return found
        return self.renew(name, authority, subject, now, life)

    def renew(self, name: str, authority: KeyPair, subject: Subject, now: datetime, life: timedelta) -> KeyPair:
        """Put a fresh certificate and key in place of the old ones, and return them."""
        return self._write(name, issue(authority, subject, now, life))

    def _once(self, name: str, ending: str, make: Callable[[], KeyPair]) -> KeyPair:
        """Return the pair called `name`, made once: others are issued by it, so a lost half is an error.

        The public half is written last: where it stands, others may have been issued already."""
        if not (self._pki / f"{name}.{ending}").exists():
            return self._write(name, make(), ending)
        found = self._read(name, ending)
        if found is None or not is_whole(found):
            what = "is missing" if found is None else f"is not the key of {name}.{ending}"
            raise KbootError(
                f"{self._pki / name}.key: {what}",
                "bring both back from a backup of the cluster's folder; kboot makes no new one in their place, "
                "since what hangs from the old one would be trusted no more",
            )
        return found

    def _read(self, name: str, ending: str = "pem") -> KeyPair | None:
        try:
            return KeyPair(*((self._pki / f"{name}.{each}").read_bytes() for each in (ending, "key")))
        except FileNotFoundError:
            return None

    def _write(self, name: str, pair: KeyPair, ending: str = "pem") -> KeyPair:
        # A crash between the two leaves a pair that does not fit, which is made anew.
        key = NewFile(self._pki / f"{name}.key", pair.key, 0o600)
        self._put([key, NewFile(self._pki / f"{name}.{ending}", pair.certificate)])
        return pair

    def _put(self, files: list[NewFile]) -> None:
        for folder in {file.path.parent for file in files}:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        if self._waiting is None:
            for file in files:
                write_file(file.path, file.content, mode=file.mode)
        else:
            self._waiting |= {file.path: file for file in files}

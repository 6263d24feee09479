"""Check a release channel: find out the wanted release, download and verify it, and put it in force."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

from kboot_clusterdesc import FamilyNames
from kboot_clusterdesc.event_kind import ReleaseEventKind
from kboot_clusterdesc.model import Os
from kboot_clusterdesc.os_choice import Choice, holds
from kboot_clusterdesc.os_release import version_order
from kboot_clusterdesc.shared_files import CURRENT, origin_of
from kboot_clusterdesc.update_payload import payload_names

from .choice import followed
from .download import Downloader
from .fault import DiskFull, NotTheFile, SignatureRefused, UpdaterFault
from .in_use import releases_in_use
from .payload_mirror import PayloadMirror
from .release_fit import reason_against, refuse_kernel, refuse_unread
from .release_key import ReleaseKey
from .release_store import ReleaseStore
from .releases import release_server, version_in
from .settings import Settings
from .signed_files import VERSION_FILE, SignedFiles
from .status import MirrorStatus


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
        self._bootstrapper = settings.bootstrapper
        self._clock = clock
        self._key = ReleaseKey(settings, names, downloader)
        self._files = SignedFiles(self._server, self._key, downloader, self._tell_expired)
        self._payloads = PayloadMirror(settings, os, names, downloader, self._tell_refused)
        self.store = ReleaseStore(settings.images, os.channel, names.release_files, origin_of(os))

    def check(self) -> None:
        """Download the wanted release if the store lacks it, put it in force, prune; raises an UpdaterFault."""
        current = self.store.current
        wanted = self._wanted(current)
        self.bring(wanted)
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

    def _tell_expired(self, detail: str) -> None:
        self._note(ReleaseEventKind.KEY_EXPIRED, detail, standing=True)

    def _tell_refused(self, detail: str) -> None:
        self._note(ReleaseEventKind.REFUSED, detail)

    def _wanted(self, current: str | None) -> str:
        if self._os.version != CURRENT:
            self._status.remark = None
            return self._os.version
        if current is not None and not self._os.update.enabled:
            return current
        choice = self._standing_choice(current)
        return self._brought(current, choice) or self._followed(current, choice)

    def _standing_choice(self, current: str | None) -> Choice | None:
        """Return what the operator chose, unless a newer release than it was chosen over was brought since."""
        choice = self.store.choice
        if choice is None or current is None or holds(choice, current):
            return choice
        self.store.choose(None)
        return None

    def _brought(self, current: str | None, choice: Choice | None) -> str | None:
        """Return the newest release brought by hand, once verified, if it is newer than the one in force.

        Whoever brought it wants it, and may have no way to the server, which then is not asked.
        """
        for version in self.store.all_brought_by_hand():
            if current is not None and version_order(version) <= version_order(current):
                return None
            if (choice is None or not holds(choice, version)) and self._accept_by_hand(version):
                return version
        return None

    def _followed(self, current: str | None, choice: Choice | None) -> str:
        """Return the release to follow the channel to; files are fetched by number, as `current` may move."""
        published = self._published()
        wanted = followed(published, current, choice)
        self._status.published, self._status.remark = published, None
        if choice is not None and not holds(choice, published):
            self.store.choose(None)
        elif choice is not None and wanted != published:
            self._status.remark = (
                f"release {wanted} was chosen over {published} of {self._os.channel}, until a newer one than "
                f"{choice.over} comes out; `kboot os use {published}` follows the channel again"
            )
        if choice is None and wanted != published:
            self._status.remark = (
                f"{self._os.channel} has release {published}, older than {wanted} in force, which stays; "
                f"`kboot os use {published}` follows it"
            )
            self._note(ReleaseEventKind.WENT_BACK, self._status.remark, standing=True)
        return wanted

    def _published(self) -> str:
        with tempfile.TemporaryDirectory(prefix="kboot-current-") as scratch:
            folder = Path(scratch)
            self._files.bring(CURRENT, VERSION_FILE, folder)
            return self._number_in(folder / VERSION_FILE)

    def _number_in(self, file: Path) -> str:
        try:
            return version_in(file.read_text("utf-8", "replace"), self._names.version_key)
        except ValueError as error:
            raise NotTheFile(f"{VERSION_FILE} of {self._server.url} is of no use: {error}") from error

    def _bring(self, version: str) -> None:
        folder = self.store.incoming(version)
        try:
            for name in self._names.release_files:
                self._files.bring(version, name, folder)
                if name == VERSION_FILE:
                    self._check_number(folder, version)
            refuse_kernel(self._os, self._names, version, folder)
            self.store.move_into_place(version)
        except (SignatureRefused, NotTheFile, DiskFull):
            # A refused release is downloaded afresh next time, and others need the room on a full disk.
            self.store.discard_incoming()
            raise
        self._note(ReleaseEventKind.MIRRORED, f"release {version} of {self._os.channel} is here and verified")

    def _check_number(self, folder: Path, version: str) -> None:
        number = self._number_in(folder / VERSION_FILE)
        if number != version:
            raise SignatureRefused(
                f"release {version} is refused: its {VERSION_FILE} at {self._server.url} says {number}, "
                "so the server mixes releases"
            )

    def verify(self, version: str) -> None:
        """Verify each file of a release as it lies in the store; raises SignatureRefused or NotTheFile."""
        self.vouch(version, self.store.folder(version))

    def vouch(self, version: str, folder: Path) -> None:
        """Verify each file of a release in a folder, of the store or not, in which nothing changes.

        Raises SignatureRefused or NotTheFile, which names the file, and UpdaterFault where there is no key.
        """
        for name in self._names.release_files:
            try:
                self._files.verify(folder / name, folder / f"{name}.sig")
            except OSError as error:
                raise UpdaterFault(f"{name} cannot be read: {error.strerror}") from error
        number = self._number_in(folder / VERSION_FILE)
        if number != version:
            raise SignatureRefused(f"release {version} is refused: its {VERSION_FILE} says {number}")
        refuse_kernel(self._os, self._names, version, folder)

    def verify_payloads(self, version: str) -> bool:
        """Verify what updates machines to a release, and return whether that is here; raises an UpdaterFault."""
        return self._payloads.verify(version)

    def withdraw(self, version: str, fault: UpdaterFault, *, is_payload: bool) -> None:
        """Serve no more what was found to be damaged; the next check brings it anew."""
        if is_payload:
            self._payloads.withdraw(version)
        else:
            self.store.withdraw(version)
        self._note(fault.kind, f"the copy of {version} in the store is damaged: {fault}")

    def _accept_by_hand(self, version: str) -> bool:
        folder = self.store.brought_by_hand(version)
        if folder is None:
            return False
        if reason := reason_against(self._os, version):
            self._note(ReleaseEventKind.REFUSED, reason, standing=True)
            return False
        state = self.store.state_of(version)
        if self.store.was_refused(version, state, self._key.content()):
            return False
        try:
            self.verify(version)
        except (SignatureRefused, NotTheFile) as fault:
            self._note(fault.kind, f"the copy of {version} in the store is not taken: {fault}")
            self.store.remember_refused(version, state, self._key.content())
            return False
        self.store.accept(version)
        detail = f"release {version} of {self._os.channel} was brought by hand and is verified"
        self._note(ReleaseEventKind.MIRRORED, detail)
        return True

    def use(self, version: str) -> None:
        """Put a release in force because the operator says so, bring it where it is not here; raises an UpdaterFault.

        Where the description follows the channel, that is a choice over what the channel has now and what was in
        force. Where no updater runs, nobody knows what the channel has now.
        """
        if self._os.version not in (CURRENT, version):
            raise UpdaterFault(
                f"the description says `os.version: {self._os.version}`; "
                f"write `os.version: {version}`, or `current`, and run `kboot up`"
            )
        current = self.store.current
        published = self._status.published if self._os.update.enabled else None
        self.bring(version)
        if self._os.version == CURRENT:
            over = max(filter(None, (version, current, published)), key=version_order)
            self.store.choose(None if version == published else Choice(version, over))
            self._status.remark = None
        if version != current:
            self._switch(current, version)
        self._prune(version)

    def take(self, version: str) -> None:
        """Verify a release that somebody brought, and put it in force where the description asks for it.

        With `current` that is one newer than the release in force.
        """
        refuse_unread(self._os, version)
        current = self.store.current
        if not self.store.has(version) and not self._accept_by_hand(version):
            raise SignatureRefused(f"release {version} is not taken: {self._refusal(version)}")
        wanted = self._os.version
        if wanted == CURRENT and (current is None or version_order(version) > version_order(current)):
            wanted = version
        if wanted == version != current:
            self._switch(current, version)
            self._prune(version)

    def _refusal(self, version: str) -> str:
        told = [event.detail for event in self._status.events if version in event.detail]
        return told[-1] if told else "it is not whole"

    def bring(self, version: str) -> None:
        """Have a release in the store, verified: as it was, brought by hand, or from the server.

        One that does not read the node configs is none: a machine that installs it would come up with nothing of ours.
        """
        refuse_unread(self._os, version)
        if not self.store.has(version) and not self._accept_by_hand(version):
            self._bring(version)

    def _switch(self, current: str | None, wanted: str) -> None:
        self.store.switch(wanted)
        self._status.previous = current
        self._status.switches_total += 1
        before = f", before it was {current}" if current else ""
        detail = f"release {wanted} of {self._os.channel} is in force{before}"
        is_back = current is not None and version_order(wanted) < version_order(current)
        self._note(ReleaseEventKind.ROLLED_BACK if is_back else ReleaseEventKind.SWITCHED, detail)

    def _prune(self, wanted: str) -> None:
        """Remove the oldest releases, none that a machine is being installed with."""
        choice = self.store.choice
        in_use = {wanted, self._status.previous or wanted, *([choice.version] if choice else [])}
        if not self.store.surplus(self._os.update.keep, in_use):
            return
        installing = releases_in_use(self._bootstrapper)
        if installing is None:
            return
        pruned = self.store.surplus(self._os.update.keep, in_use | installing)
        self.store.prune(pruned)
        if pruned:
            self._note(ReleaseEventKind.PRUNED, f"removed of {self._os.channel}: {', '.join(pruned)}")

    def _note(self, kind: ReleaseEventKind, detail: str, *, standing: bool = False) -> None:
        self._status.note(self._clock(), kind, detail, standing=standing)

"""One update from the check to the wait for a reboot, and what is reported of it (update_attempter.cc)."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO, Protocol

from . import omaha, payload, transfer
from .failure import FROM_OWN_SERVER, Code, UpdateError
from .omaha import Answer, Event, Machine, Offer
from .prefs import PayloadState, Prefs

IDLE, CHECKING, AVAILABLE = "UPDATE_STATUS_IDLE", "UPDATE_STATUS_CHECKING_FOR_UPDATE", "UPDATE_STATUS_UPDATE_AVAILABLE"
DOWNLOADING, VERIFYING = "UPDATE_STATUS_DOWNLOADING", "UPDATE_STATUS_VERIFYING"
FINALIZING, REPORTING = "UPDATE_STATUS_FINALIZING", "UPDATE_STATUS_REPORTING_ERROR_EVENT"
NEED_REBOOT = "UPDATE_STATUS_UPDATED_NEED_REBOOT"


class Target(Protocol):
    """The machine that is updated; `System` is the real one."""

    prefs: Prefs
    key: Path
    waits_for_reboot: bool

    def machine(self) -> Machine:
        """Return who asks."""

    def set_good(self) -> None:
        """Have the boot loader start the running system from now on."""

    def other_partition(self) -> Path:
        """Return the partition that an update goes to."""

    def post_install(self, partition: Path) -> str:
        """Have the new system install itself, and be tried at the next boot."""


@dataclass(frozen=True, slots=True)
class Pace:
    """Waits, in seconds; those of the real client are hours and days where the lab has minutes."""

    first_check_s: float = 60  # 7 minutes
    next_check_s: float = 120  # 45 minutes
    longest_s: float = 600  # 4 hours
    good_s: float = 20  # 45 seconds
    transfer_s: float = 2  # 20 seconds
    day_s: float = 60


@dataclass(slots=True)
class Status:
    """What `update_engine_client -status` tells."""

    operation: str = IDLE
    checked_at: int = 0
    progress: float = 0.0
    version: str = "0.0.0"
    size: int = 0

    def __str__(self) -> str:
        values = f"LAST_CHECKED_TIME={self.checked_at}\nPROGRESS={self.progress:f}\nCURRENT_OP={self.operation}\n"
        return f"{values}NEW_VERSION={self.version}\nNEW_SIZE={self.size}\n"


@dataclass(slots=True)
class Attempter:
    """Checks and installs, one thing at a time; what it waits for is `demanded`."""

    target: Target
    say: Callable[[str], None]
    pace: Pace = Pace()
    status: Status = field(default_factory=Status)
    demanded: threading.Event = field(default_factory=threading.Event)
    is_good: bool = False
    interval_s: float = 0.0  # to the next check
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def __post_init__(self) -> None:
        self.interval_s = self.pace.next_check_s
        if self.target.waits_for_reboot:
            self.is_good = True
            self.status.operation = NEED_REBOOT

    def demand(self) -> None:
        """Ask for a check now; one that is under way, or an update that waits, is enough."""
        with self._lock:
            if self.status.operation == IDLE:
                self.status.operation = CHECKING
                self.demanded.set()

    def reset(self) -> bool:
        """Forget an update that waits for its reboot, and return whether nothing is under way."""
        with self._lock:
            if self.status.operation not in (IDLE, NEED_REBOOT):
                return False
            self.target.waits_for_reboot = False
            self._rest()
            return True

    def set_good(self) -> None:
        """Tell the boot loader once that this system has come up."""
        if not self.is_good:
            self.target.set_good()
            self.is_good = True

    def check(self, *, on_demand: bool) -> None:
        """Ask the server, and install what it offers. Where an update waits, the server is only told of it."""
        with self._lock:
            if self.status.operation == NEED_REBOOT:
                self._ping()
                return
            self.status.operation = CHECKING
        self.set_good()
        machine = self.target.machine()
        try:
            answer = self._ask(machine, on_demand=on_demand)
            if answer.offer is None:
                self.say("No update.")
                self._rest()
                return
            self._update(machine, answer.offer)
        except UpdateError as error:
            self._report_failure(machine, error)
            self._rest()

    def _ask(self, machine: Machine, *, on_demand: bool) -> Answer:
        event = omaha.check_event(machine.version, self.target.prefs.text("previous-version"))
        if event.code is not None:
            self.say(f"Rollback detected, still running {machine.version} after update.")
        self.target.prefs.set("previous-version", "")
        self.say(f"Posting an Omaha request to {machine.server}")
        body = omaha.request(machine, event, is_check=True, on_demand=on_demand)
        try:
            answer = omaha.answer(transfer.post(machine.server, body))
        except UpdateError as error:
            is_busy = error.code in (Code.HTTP + 500, Code.HTTP + 503)
            self.interval_s = min(self.interval_s * 2, self.pace.longest_s) if is_busy else self.pace.next_check_s
            raise
        self.interval_s = min(max(answer.poll_interval_s, self.pace.next_check_s), self.pace.longest_s)
        self.status.checked_at = int(time.time())
        return answer

    def _update(self, machine: Machine, offer: Offer) -> None:
        state = PayloadState(self.target.prefs, offer, self.pace.day_s)
        state.begin()
        if state.is_deferred(time.time()):
            raise UpdateError(Code.BACKOFF, "the payload was tried too often, it has to wait")
        self.status.operation, self.status.version, self.status.size = AVAILABLE, offer.version, offer.size
        partition = self.target.other_partition()
        self._tell(machine, omaha.DOWNLOAD_STARTED)
        try:
            self._install(machine, offer, state, partition)
        except UpdateError as error:
            state.count_failure(time.time(), of_transfer=error.code == Code.TRANSFER)
            raise
        self._tell(machine, omaha.INSTALLED)
        self.target.prefs.set("previous-version", machine.version)
        self.target.waits_for_reboot = True
        self.status.operation, self.status.progress = NEED_REBOOT, 0.0
        self.say("Update successfully applied, waiting to reboot.")

    def _install(self, machine: Machine, offer: Offer, state: PayloadState, partition: Path) -> None:
        try:
            with partition.open("r+b") as stream:
                manifest = self._write(offer, state, stream)
                self._tell(machine, omaha.DOWNLOAD_FINISHED)
                self.status.operation = VERIFYING
                payload.verify_written(stream, manifest)
        except OSError as error:
            raise UpdateError(Code.DEVICE_NOT_OPENED, f"{partition}: {error}") from error
        self.status.operation = FINALIZING
        self.say(self.target.post_install(partition))

    def _write(self, offer: Offer, state: PayloadState, stream: BinaryIO) -> payload.Manifest:
        writer, received = payload.PayloadWriter(stream), 0
        self.say(f"Downloading {state.url}")
        for piece in transfer.download(state.url, self._pause, self.pace.transfer_s):
            writer.write(piece)
            received += len(piece)
            self.status.operation, self.status.progress = DOWNLOADING, received / offer.size
        manifest = writer.verify(offer.size, offer.sha256, payload.verifier(self.target.key))
        state.count_attempt(time.time())
        stream.flush()
        return manifest

    def _pause(self, seconds: float) -> None:
        threading.Event().wait(seconds)

    def _report_failure(self, machine: Machine, error: UpdateError) -> None:
        self.say(f"Update failed: code {int(error.code)}: {error}")
        self.status.operation = REPORTING
        flags = FROM_OWN_SERVER if machine.server != omaha.PUBLIC_SERVER else 0
        result = 9 if error.code == Code.BACKOFF else 0
        self._tell(machine, Event(3, result, error.code | flags))

    def _tell(self, machine: Machine, event: Event) -> None:
        """Report an event; that the server does not take it changes nothing."""
        try:
            transfer.post(machine.server, omaha.request(machine, event, is_check=False, on_demand=False))
        except UpdateError as error:
            self.say(f"event {event.type}/{event.result} was not told: {error}")

    def _ping(self) -> None:
        machine = self.target.machine()
        try:
            transfer.post(machine.server, omaha.request(machine, None, is_check=False, on_demand=False))
        except UpdateError as error:
            self.say(f"no ping: {error}")

    def _rest(self) -> None:
        self.status.operation, self.status.progress, self.status.version, self.status.size = IDLE, 0.0, "0.0.0", 0

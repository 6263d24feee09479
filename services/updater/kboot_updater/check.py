"""Run one check, from taking the lock to writing the status file, for the service and for the command `check`."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime

from kboot_clusterdesc import FamilyNames, family_of
from kboot_clusterdesc.event_kind import ReleaseEventKind
from kboot_clusterdesc.model import Os

from .download import Downloader, Progress, RetryPolicy
from .fault import DiskFull, NotTheFile, SignatureRefused, Stopped, UpdaterFault
from .log import timestamp
from .mirror import Mirror
from .release_store import held
from .settings import Settings
from .status import MirrorStatus, StatusEvent, read_status, write_status


@dataclass(frozen=True, slots=True)
class Result:
    """The result of a check: the release in force, the new events, and the fault if the check failed.

    `payload_fault` is why installed machines are not offered the release, although they are to be updated.
    """

    current: str | None
    events: tuple[StatusEvent, ...]
    fault: UpdaterFault | None
    payload_fault: UpdaterFault | None = None

    @property
    def is_done(self) -> bool:
        """Whether no retry is needed."""
        return self.fault is None and self.payload_fault is None

    @property
    def is_costly(self) -> bool:
        """Whether a retry would download a whole release or payload again, most likely for nothing."""
        return isinstance(self.fault or self.payload_fault, SignatureRefused | NotTheFile | DiskFull)


def _now() -> datetime:
    return datetime.now(UTC)


@contextmanager
def opened_mirror(
    settings: Settings,
    os: Os,
    stop: threading.Event,
    *,
    names: FamilyNames | None = None,
    retries: RetryPolicy | None = None,
    clock: Callable[[], datetime] = _now,
    progress: Progress | None = None,
) -> Iterator[OpenedMirror]:
    """Yield the mirror of a description, whose store nobody else changes meanwhile; write its status at the end.

    Raises Stopped, and UpdaterFault where the store cannot be locked.
    """
    with held(settings.lock, stop):
        status = read_status(settings.status)
        if status.channel != os.channel:
            status.published = status.remark = None
        downloader = Downloader(stop, retries, authority=settings.given_authority, progress=progress)
        mirror = Mirror(settings, os, names or family_of(os.family), downloader, status, clock)
        try:
            yield OpenedMirror(mirror, status, downloader, clock, tuple(status.events))
        finally:
            downloader.close()
            status.channel, status.version, status.current = os.channel, os.version, mirror.store.current
            write_status(settings.status, status)


def run_check(
    settings: Settings,
    os: Os,
    stop: threading.Event,
    *,
    names: FamilyNames | None = None,
    retries: RetryPolicy | None = None,
    clock: Callable[[], datetime] = _now,
    progress: Progress | None = None,
) -> Result:
    """Check once, and record a fault of the check in the result and in the status file.

    Raises Stopped, and UpdaterFault where the store cannot be locked.
    """
    with opened_mirror(settings, os, stop, names=names, retries=retries, clock=clock, progress=progress) as opened:
        fault = _fault_of(opened.mirror.check)
        return opened.conclude(fault)


@dataclass(frozen=True, slots=True)
class OpenedMirror:
    """A mirror whose store is locked, the status that will be written, and the events of before."""

    mirror: Mirror
    status: MirrorStatus
    downloader: Downloader
    clock: Callable[[], datetime]
    before: tuple[StatusEvent, ...]

    def conclude(self, fault: UpdaterFault | None) -> Result:
        """Return the result of a check that ended with `fault`; bring the payloads of the release in force before."""
        payload_fault = _fault_of(self.mirror.bring_payloads)
        current = self.mirror.store.current
        _conclude(self.status, current, fault, self.downloader.received_bytes, self.clock())
        return self.result(fault, _conclude_payloads(self.status, current, payload_fault, self.clock()))

    def by_word(self, act: Callable[[Mirror], None]) -> Result:
        """Do what an operator asked for, and return the result; its fault is told to him alone."""
        fault = _fault_of(lambda: act(self.mirror))
        payload_fault = None
        if fault is None:
            payload_fault = _fault_of(self.mirror.bring_payloads)
            current = self.mirror.store.current
            payload_fault = _conclude_payloads(self.status, current, payload_fault, self.clock())
        self.status.downloaded_bytes_total += self.downloader.received_bytes
        return self.result(fault, payload_fault)

    def result(self, fault: UpdaterFault | None, payload_fault: UpdaterFault | None = None) -> Result:
        """Return what was done so far as a result."""
        events = tuple(event for event in self.status.events if event not in self.before)
        return Result(self.mirror.store.current, events, fault, payload_fault)


def _fault_of(step: Callable[[], None]) -> UpdaterFault | None:
    """Take a step of a check and return what went wrong; raises Stopped."""
    try:
        step()
    except Stopped:
        raise
    except UpdaterFault as fault:
        return fault
    except OSError as error:
        return UpdaterFault(f"the store cannot be used: {error}")
    return None


def _conclude_payloads(
    status: MirrorStatus, current: str | None, fault: UpdaterFault | None, now: datetime
) -> UpdaterFault | None:
    """Record how the payloads of the release in force fared, and return the fault as it is told."""
    before = status.payload_error
    status.payload_error = status.payload_error_kind = None
    if fault is None:
        return None
    told = type(fault)(f"release {current} is not offered to installed machines: {fault}")
    status.payload_error, status.payload_error_kind = str(told), told.kind
    status.failed_payloads_total += 1
    if isinstance(fault, SignatureRefused):
        status.refused_total += 1
    status.note(now, told.kind, str(told), standing=str(told) == before)
    return told


def _conclude(
    status: MirrorStatus, current: str | None, fault: UpdaterFault | None, received_bytes: int, now: datetime
) -> None:
    before = status.error
    status.checked = timestamp(now)
    status.checks_total += 1
    status.downloaded_bytes_total += received_bytes
    status.error = None if fault is None else str(fault)
    status.error_kind = None if fault is None else fault.kind
    if fault is None:
        status.succeeded = status.checked
        if before is not None:
            status.note(now, ReleaseEventKind.RECOVERED, f"the check succeeds again, release {current} is in force")
        return
    status.failed_checks_total += 1
    if isinstance(fault, SignatureRefused):
        status.refused_total += 1
    status.note(now, fault.kind, str(fault), standing=str(fault) == before)

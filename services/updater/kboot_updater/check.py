"""Run one check, from taking the lock to writing the status file, for the service and for the command `check`."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime

from kboot_clusterdesc import FamilyNames, family_of
from kboot_clusterdesc.event_kind import ReleaseEventKind
from kboot_clusterdesc.model import Os

from .download import Downloader, RetryPolicy
from .fault import DiskFull, NotTheFile, SignatureRefused, Stopped, UpdaterFault
from .log import timestamp
from .mirror import Mirror
from .release_store import held
from .settings import Settings
from .status import MirrorStatus, StatusEvent, read_status, write_status


@dataclass(frozen=True, slots=True)
class Result:
    """The result of a check: the release in force, the new events, and the fault if the check failed."""

    current: str | None
    events: tuple[StatusEvent, ...]
    fault: UpdaterFault | None

    @property
    def is_costly(self) -> bool:
        """Whether a retry would download a whole release again, most likely for nothing."""
        return isinstance(self.fault, SignatureRefused | NotTheFile | DiskFull)


def _now() -> datetime:
    return datetime.now(UTC)


def run_check(
    settings: Settings,
    os: Os,
    stop: threading.Event,
    *,
    names: FamilyNames | None = None,
    retries: RetryPolicy | None = None,
    clock: Callable[[], datetime] = _now,
) -> Result:
    """Check once, and record a fault of the check in the result and in the status file.

    Raises Stopped, and UpdaterFault where the store cannot be locked.
    """
    with held(settings.lock, stop):
        status = read_status(settings.status)
        before = list(status.events)
        downloader = Downloader(stop, retries)
        mirror = Mirror(settings, os, names or family_of(os.family), downloader, status, clock)
        fault: UpdaterFault | None = None
        try:
            mirror.check()
        except Stopped:
            raise
        except UpdaterFault as raised:
            fault = raised
        except OSError as error:
            fault = UpdaterFault(f"the store cannot be used: {error}")
        finally:
            downloader.close()
        _conclude(status, os, mirror.store.current, fault, downloader.received_bytes, clock())
        write_status(settings.status, status)
        return Result(status.current, tuple(event for event in status.events if event not in before), fault)


def _conclude(
    status: MirrorStatus, os: Os, current: str | None, fault: UpdaterFault | None, received_bytes: int, now: datetime
) -> None:
    was_failing = status.error is not None
    status.checked = timestamp(now)
    status.channel, status.version, status.current = os.channel, os.version, current
    status.checks_total += 1
    status.downloaded_bytes_total += received_bytes
    status.error = None if fault is None else str(fault)
    status.error_kind = None if fault is None else fault.kind
    if fault is None:
        status.succeeded = status.checked
        if was_failing:
            status.note(now, ReleaseEventKind.RECOVERED, f"the check succeeds again, release {current} is in force")
        return
    status.failed_checks_total += 1
    if isinstance(fault, SignatureRefused):
        status.refused_total += 1
    status.note(now, fault.kind, str(fault))

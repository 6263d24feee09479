"""The updater as a service: it writes the heartbeat and watches the description, and a scheduler calls for checks."""

from __future__ import annotations

import os
import signal
import threading
from datetime import UTC, datetime, timedelta
from itertools import count

from apscheduler.schedulers.background import BackgroundScheduler

from kboot_clusterdesc import ClusterDesc, InvalidDescription, load_bytes
from kboot_clusterdesc.model import Os

from .check import run_check
from .fault import Stopped, UpdaterFault
from .log import LogLevel, log, set_lowest_level, take_library_logs, timestamp
from .release_store import held
from .schedule import cron_trigger, due_sooner, retry_delay_s, time_zone
from .settings import Settings
from .status import read_status, write_status

_BEAT_S, _WATCH_S = 10, 2
_ENDS = (signal.SIGTERM, signal.SIGINT)


class Service:
    """Checks the channel at start, at the scheduled times, after a change of the description, and after a fault."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._scheduler = BackgroundScheduler(timezone=UTC, job_defaults={"coalesce": True, "misfire_grace_time": None})
        # A daemon, which nobody waits for at the end: a download may be broken off at any byte.
        self._worker = threading.Thread(target=self._work, name="checks", daemon=True)
        self._due = threading.Event()
        self._halt = threading.Event()
        self._seen: tuple[bytes | None, ...] = (None,) * 4
        self._os: Os | None = None

    def run(self) -> int:
        """Serve until SIGTERM or SIGINT, and return the exit code."""
        signal.pthread_sigmask(signal.SIG_BLOCK, _ENDS)
        take_library_logs()
        log("started", images=self._settings.images)
        self._worker.start()
        self._scheduler.start()
        received = self._watch_on()
        self._halt.set()
        self._scheduler.shutdown(wait=False)
        log("ended", signal=signal.Signals(received).name)
        return 0

    def _watch_on(self) -> int:
        """Beat and watch until a signal comes, and return it.

        The seconds of a wait are those of a clock that nobody sets; the scheduler's are not, so it has neither to do.
        """
        for number in count():
            try:
                if number % (_BEAT_S // _WATCH_S) == 0:
                    self._beat()
                self._watch()
                self._follow_clock()
            except Exception as error:  # the border of the loop: it must outlive a bad moment
                log("watch-failed", LogLevel.ERROR, detail=f"{type(error).__name__}: {error}")
            if (received := signal.sigtimedwait(_ENDS, _WATCH_S)) is not None:
                return received.si_signo
        raise AssertionError("count() does not end")

    def _follow_clock(self) -> None:
        """Have the next check at its time by a clock that was set back: the scheduler would wait for the old time."""
        job = self._scheduler.get_job("check")
        if job is None or job.next_run_time is None:
            return
        if (due := due_sooner(job.trigger, job.next_run_time, datetime.now(UTC))) is not None:
            log("clock-was-set", LogLevel.WARNING, next_check=timestamp(due.astimezone(UTC)))
            job.modify(next_run_time=due)

    def _beat(self) -> None:
        if not self._worker.is_alive():
            return
        heartbeat = self._settings.heartbeat
        try:
            heartbeat.parent.mkdir(parents=True, exist_ok=True)
            heartbeat.write_text(f"{datetime.now(UTC).timestamp():.0f}\n")
        except OSError as error:
            log("heartbeat-not-written", LogLevel.ERROR, detail=str(error))

    def _watch(self) -> None:
        """Put a changed description, key or CA of the operator's into effect: reschedule, and start a check anew."""
        seen = (
            _content(self._settings.description),
            _content(self._settings.given_key),
            _content(self._settings.given_payload_key),
        )
        if seen == self._seen:
            return
        key_changed = seen[1:] != self._seen[1:]
        self._seen = seen
        desc = self._description(seen[0])
        if desc is not None:
            set_lowest_level(desc.log_level)
        if desc is None or (desc.os == self._os and not key_changed):
            return
        log("description", channel=desc.os.channel, version=desc.os.version, schedule=desc.os.update.schedule)
        self._reschedule(desc.os)
        self._os = desc.os
        self._due.set()
        self._halt.set()

    def _description(self, data: bytes | None) -> ClusterDesc | None:
        if data is None:
            log(
                "description-refused",
                LogLevel.ERROR,
                detail=f"{self._settings.description} is not there or cannot be read",
            )
            return None
        try:
            return load_bytes(data, file=self._settings.description.name)
        except InvalidDescription as invalid:
            # A problem may quote a secret of the description: only their number and the first key are logged.
            first = invalid.problems[0]
            log(
                "description-refused",
                LogLevel.ERROR,
                detail=f"{len(invalid.problems)} problems, the first at {first.key or 'its top'}",
            )
            return None

    def _reschedule(self, wanted: Os) -> None:
        if self._scheduler.get_job("check") is not None:
            self._scheduler.remove_job("check")
        if not wanted.update.enabled:
            return
        zone = time_zone(wanted.timezone)
        if zone is None:
            log(
                "time-zone-unknown",
                LogLevel.WARNING,
                detail=f"{wanted.timezone} is not known here, the schedule is taken in UTC",
            )
        self._scheduler.add_job(self._due.set, cron_trigger(wanted.update.schedule, zone or UTC), id="check")

    def _work(self) -> None:
        failed, delay_s = 0, None
        while True:
            self._due.wait(delay_s)
            self._due.clear()
            self._halt = halt = threading.Event()
            wanted = self._os
            if wanted is None:
                continue
            failed, delay_s = self._check(wanted, halt, failed)
            self._tell_next(delay_s, halt)

    def _check(self, wanted: Os, halt: threading.Event, failed: int) -> tuple[int, float | None]:
        """Check once; return how many checks failed in a row, and the seconds until a retry (None for no retry)."""
        try:
            result = run_check(self._settings, wanted, halt)
        except Stopped:
            return 0, None
        except UpdaterFault as fault:
            log("check-failed", LogLevel.ERROR, detail=str(fault))
            return failed + 1, retry_delay_s(failed + 1, refused=False)
        except Exception as error:
            log("check-failed", LogLevel.ERROR, detail=f"{type(error).__name__}: {error}")
            return failed + 1, retry_delay_s(failed + 1, refused=True)
        if result.is_done:
            log("checked", channel=wanted.channel, current=result.current)
            return 0, None
        serving = result.current is not None
        delay_s = retry_delay_s(failed + 1, refused=result.is_costly, serving=serving)
        log("retry", after_s=delay_s)
        return failed + 1, delay_s

    def _tell_next(self, delay_s: float | None, halt: threading.Event) -> None:
        """Write into the status when the next check is due: by the schedule, or sooner after a fault."""
        job = self._scheduler.get_job("check")
        times = [job.next_run_time] if job is not None and job.next_run_time is not None else []
        if delay_s is not None:
            times.append(datetime.now(UTC) + timedelta(seconds=delay_s))
        try:
            with held(self._settings.lock, halt):
                status = read_status(self._settings.status)
                status.next_check = timestamp(min(times).astimezone(UTC)) if times else None
                write_status(self._settings.status, status)
        except UpdaterFault as fault:  # a check by hand holds the store, or nothing can be written there
            log("next-check-not-told", LogLevel.WARNING, detail=str(fault))


def _content(path: os.PathLike[str]) -> bytes | None:
    try:
        with open(path, "rb") as stream:
            return stream.read()
    except OSError:
        return None

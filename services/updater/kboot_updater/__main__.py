"""The updater's program: `python3 -m kboot_updater` serves, and with `check` runs one check and prints its result."""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import threading
from types import FrameType

from kboot_clusterdesc import InvalidDescription, load

from .check import run_check
from .fault import UpdaterFault
from .service import Service
from .settings import Settings, settings_from

_USAGE = "usage: python3 -m kboot_updater [check]"


def main(arguments: list[str]) -> int:
    """Run the service or one check, as `arguments` ask, and return the exit code."""
    # The cloudconfig service must be able to read what the updater writes, also under another uid.
    os.umask(0o022)
    settings = settings_from(os.environ)
    if not arguments:
        return Service(settings).run()
    if arguments == ["check"]:
        return check_now(settings)
    print(_USAGE, file=sys.stderr)
    return 2


def check_now(settings: Settings) -> int:
    """Run one check beside the running service and return the exit code; log to stderr, print the result to stdout."""
    signal.signal(signal.SIGTERM, _end)
    try:
        desc = load(settings.description)
        with contextlib.redirect_stdout(sys.stderr):
            result = run_check(settings, desc.os, threading.Event())
    except (InvalidDescription, UpdaterFault) as refused:
        print(refused, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    for event in result.events:
        print(f"{event.kind}: {event.detail}")
    if result.fault is not None:
        print(f"the check failed: {result.fault}", file=sys.stderr)
        return 1
    print(f"{desc.os.channel}: release {result.current} is in force")
    if result.payload_fault is not None:
        print(result.payload_fault, file=sys.stderr)
    return 0


def _end(_number: int, _frame: FrameType | None) -> None:
    sys.exit(143)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

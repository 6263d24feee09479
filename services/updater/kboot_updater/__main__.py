"""The updater's program: `python3 -m kboot_updater` serves, with a command it does one thing and prints what came."""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import threading
from pathlib import Path
from types import FrameType

from kboot_clusterdesc import InvalidDescription, load
from kboot_clusterdesc.model import Os
from kboot_clusterdesc.os_release import is_version

from .check import Result, opened_mirror, run_check
from .fault import UpdaterFault
from .log import log
from .service import Service
from .settings import Settings, settings_from
from .verification import verify_store

_USAGE = "usage: python3 -m kboot_updater [check | verify | use VERSION | take VERSION | vouch VERSION FOLDER]"


def main(arguments: list[str]) -> int:
    """Run the service or one command, as `arguments` ask, and return the exit code."""
    # The cloudconfig service must be able to read what the updater writes, also under another uid.
    os.umask(0o022)
    settings = settings_from(os.environ)
    match arguments:
        case []:
            return Service(settings).run()
        case ["check"] | ["verify"]:
            return _once(settings, arguments[0], "")
        case ["use" | "take", version] if is_version(version):
            return _once(settings, arguments[0], version)
        case ["vouch", version, folder] if is_version(version):
            return _vouch(settings, version, Path(folder))
    print(_USAGE, file=sys.stderr)
    return 2


def _once(settings: Settings, command: str, version: str) -> int:
    """Do one thing beside the running service and return the exit code; log to stderr, print the result to stdout."""
    signal.signal(signal.SIGTERM, _end)
    try:
        desc = load(settings.description)
        if command == "verify":
            return _verify(settings, desc.os)
        with contextlib.redirect_stdout(sys.stderr):
            result = _done(settings, desc.os, command, version)
    except (InvalidDescription, UpdaterFault) as refused:
        print(refused, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    for event in result.events:
        print(f"{event.kind}: {event.detail}")
    if result.fault is not None:
        print(f"the check failed: {result.fault}" if command == "check" else result.fault, file=sys.stderr)
        return 1
    print(f"{desc.os.channel}: release {result.current} is in force")
    if result.payload_fault is not None:
        print(result.payload_fault, file=sys.stderr)
    return 0


def _done(settings: Settings, os: Os, command: str, version: str) -> Result:
    stop = threading.Event()
    if command == "check":
        return run_check(settings, os, stop, progress=_tell_progress)
    with opened_mirror(settings, os, stop, progress=_tell_progress) as opened:
        return opened.by_word(lambda mirror: mirror.use(version) if command == "use" else mirror.take(version))


def _verify(settings: Settings, os: Os) -> int:
    lines: list[str] = []
    with contextlib.redirect_stdout(sys.stderr), opened_mirror(settings, os, threading.Event()) as opened:

        def say(line: str) -> None:
            lines.append(line)
            log("progress", detail=line)

        is_well = verify_store(opened.mirror, say)
    print("\n".join(lines))
    return 0 if is_well else 1


def _vouch(settings: Settings, version: str, folder: Path) -> int:
    """Verify a release in a folder beside the store, from which no machine is given anything yet."""
    try:
        desc = load(settings.description)
        with contextlib.redirect_stdout(sys.stderr), opened_mirror(settings, desc.os, threading.Event()) as opened:
            opened.mirror.vouch(version, folder)
    except (InvalidDescription, UpdaterFault) as refused:
        print(refused, file=sys.stderr)
        return 1
    print(f"release {version} of {desc.os.channel} is verified")
    return 0


def _tell_progress(name: str, came: int, length: int | None) -> None:
    share = f", {came * 100 // length} %" if length else ""
    log("progress", detail=f"{name}: {came // 10**6} MB{share}")


def _end(_number: int, _frame: FrameType | None) -> None:
    sys.exit(143)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

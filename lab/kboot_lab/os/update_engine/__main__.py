"""The process: checks when it is time and when it is asked to, and answers update_engine_client.

A line on the socket is a question: `status`, `attempt_update` or `reset_status`.
"""

from __future__ import annotations

import os
import shutil
import socketserver
import sys
import threading
import time
from contextlib import suppress
from pathlib import Path

from .attempter import Attempter, Pace
from .system import System


class _Server(socketserver.ThreadingUnixStreamServer):
    daemon_threads = True

    def __init__(self, path: Path, attempter: Attempter) -> None:
        path.unlink(missing_ok=True)
        super().__init__(str(path), _Answer)
        path.chmod(0o660)
        with suppress(LookupError):  # root and `core` may ask, as on Flatcar; a test's machine has no `core`
            shutil.chown(path, group="core")
        self.attempter = attempter


class _Answer(socketserver.StreamRequestHandler):
    server: _Server

    def handle(self) -> None:
        """Answer one question."""
        attempter = self.server.attempter
        question = self.rfile.readline().decode(errors="replace").strip()
        if question == "attempt_update":
            attempter.demand()
        elif question == "reset_status":
            attempter.reset()
        self.wfile.write(str(attempter.status).encode())


def serve_checks(attempter: Attempter, pace: Pace) -> None:
    """Check for ever: some time after the start, then again and again, and whenever it is demanded."""
    good_at = time.monotonic() + pace.good_s
    check_at = time.monotonic() + pace.first_check_s
    while True:
        due = check_at if attempter.is_good else min(good_at, check_at)
        is_demanded = attempter.demanded.wait(max(0.0, due - time.monotonic()))
        attempter.demanded.clear()
        if is_demanded or time.monotonic() >= check_at:
            attempter.check(on_demand=is_demanded)
            check_at = time.monotonic() + attempter.interval_s
        else:
            attempter.set_good()


def say(text: str) -> None:
    """Write a line for the journal."""
    print(text, file=sys.stderr, flush=True)


def main() -> None:
    """Run until the process is ended."""
    pace = Pace()
    system = System(Path(os.environ.get("KBOOT_LAB_PLACE", "/")))
    attempter = Attempter(system, say, pace)
    with _Server(system.place / "run/update_engine.socket", attempter) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        serve_checks(attempter, pace)


if __name__ == "__main__":
    main()

"""Writes one event a line to standard output, as JSON. Callers never pass a token, a key or a node config."""

from __future__ import annotations

import asyncio
import logging
import sys
from collections.abc import Sequence
from datetime import UTC, datetime

from kboot_clusterdesc.log_line import LogLevel as LogLevel
from kboot_clusterdesc.log_line import log_line

_lowest = [LogLevel.INFO]
_waiting: list[str] = []  # for the end of the event loop's turn: one write takes as long for many lines as for one


def set_lowest_level(level: LogLevel) -> None:
    """Write lines of this level and above from now on."""
    _lowest[0] = level


def log(event: str, level: LogLevel = LogLevel.INFO, /, **fields: object) -> None:
    """Write one line, where its level is wanted; fields that are None are left out."""
    if level.is_at_least(_lowest[0]):
        _write(log_line(datetime.now(UTC), level, event, fields))


def _write(line: str) -> None:
    """Write a line at once, or under an event loop at the end of its turn, with all others of that turn."""
    try:
        loop = asyncio.get_running_loop()
    except RuntimeError:
        _write_all([line])
        return
    if not _waiting:
        loop.call_soon(_write_waiting)
    _waiting.append(line)


def _write_waiting() -> None:
    lines = _waiting.copy()
    _waiting.clear()
    _write_all(lines)


def _write_all(lines: Sequence[str]) -> None:
    sys.stdout.write("".join(f"{line}\n" for line in lines))
    sys.stdout.flush()


class LibraryLog(logging.Handler):
    """Writes what libraries have to say in the same form."""

    def emit(self, record: logging.LogRecord) -> None:
        """Write a record of Python's own logging."""
        level = LogLevel.ERROR if record.levelno >= logging.ERROR else LogLevel.WARNING
        trace = logging.Formatter().formatException(record.exc_info) if record.exc_info else None
        log("library", level, logger=record.name, problem=record.getMessage(), trace=trace)


def take_library_logs() -> None:
    """Have warnings and errors of libraries written by LibraryLog."""
    logging.basicConfig(level=logging.WARNING, handlers=[LibraryLog()])

"""The errors that an operator may meet: a message, a hint with the repair, and an exit code for scripts."""

from __future__ import annotations

from enum import IntEnum


class ExitCode(IntEnum):
    """The exit status of a command."""

    DONE = 0
    FAILED = 1
    BAD_INPUT = 2
    NOT_YET = 3
    INTERRUPTED = 130


class KbootError(Exception):
    """A failure that is reported as `message`, then `hint:` with the edit or command that repairs it."""

    exit_code = ExitCode.FAILED

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    def __str__(self) -> str:
        return f"{self.message}\n  hint: {self.hint}" if self.hint else self.message


class BadInput(KbootError):
    """An argument or a file of the operator must be changed first."""

    exit_code = ExitCode.BAD_INPUT


class NotYet(KbootError):
    """Nothing failed, but the wanted state is not reached."""

    exit_code = ExitCode.NOT_YET


class EngineError(KbootError):
    """The container engine is missing, does not answer, or refused."""


def last_line(said: str) -> str:
    """Return the last line of a program's output, which is where it says what went wrong."""
    lines = said.strip().splitlines()
    return lines[-1] if lines else "it said nothing"

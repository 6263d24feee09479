"""What can go wrong for an operator: a message, a way out, and an exit code that tells scripts the kind."""

from __future__ import annotations

from enum import IntEnum


class ExitCode(IntEnum):
    """How a command ended."""

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
    """What was typed or written must be changed first."""

    exit_code = ExitCode.BAD_INPUT


class NotYet(KbootError):
    """Nothing failed, but the wanted state is not reached."""

    exit_code = ExitCode.NOT_YET


class EngineError(KbootError):
    """The container engine is missing, does not answer, or refused."""


def last_line(said: str) -> str:
    """What a program said last, which is where it says what went wrong."""
    lines = said.strip().splitlines()
    return lines[-1] if lines else "it said nothing"

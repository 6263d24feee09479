"""Lines of a log that a machine tells: bounded, and without secrets or what a terminal would act on. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Annotated

from pydantic import AfterValidator, Field

from kboot_clusterdesc.secret_forms import LEFT_OUT, without_secret_forms

from .body import Body

LOG_LINES, LOG_CHARACTERS = 40, 8192
UNIT_LINES, UNIT_CHARACTERS = 10, 2048
UNITS_AT_MOST = 8

KeptUnit = Mapping[str, str | list[str]]  # a FailedUnit as JSON

_ESCAPE = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)?|[@-Z\\-_])")  # ECMA-48
_KEY_LINE = re.compile(rb"(?m)^[A-Za-z0-9+/=]{60,}$")  # of a key whose first line was cut off


def plain(text: str) -> str:
    """Return text without escape sequences and characters that are not shown, a tab as a space."""
    without = _ESCAPE.sub("", text.replace("\t", " ")) if "\x1b" in text else text.replace("\t", " ")
    return without if without.isprintable() else "".join(letter for letter in without if letter.isprintable())


def plain_lines(lines: tuple[str, ...]) -> tuple[str, ...]:
    """Return the lines of a log plain, and without what has the form of a secret, which may be longer than a line."""
    text = "\n".join(map(plain, lines)).encode("utf-8", "replace")
    cleaned = _KEY_LINE.sub(LEFT_OUT, without_secret_forms(text)).decode("utf-8", "replace")
    return tuple(line.rstrip() for line in cleaned.split("\n") if line.strip())


def _at_most(characters: int) -> AfterValidator:
    def check(lines: tuple[str, ...]) -> tuple[str, ...]:
        if sum(map(len, lines)) > characters:
            raise ValueError(f"the lines have more than {characters} characters together")
        return lines

    return AfterValidator(check)


Plain = Annotated[str, AfterValidator(plain)]
_Line = Annotated[str, Field(max_length=400)]
LogLines = Annotated[
    tuple[_Line, ...], Field(max_length=LOG_LINES), _at_most(LOG_CHARACTERS), AfterValidator(plain_lines)
]
UnitLines = Annotated[
    tuple[_Line, ...], Field(max_length=UNIT_LINES), _at_most(UNIT_CHARACTERS), AfterValidator(plain_lines)
]


class FailedUnit(Body):
    """A systemd unit that failed on its machine, and its last lines in the journal."""

    name: str = Field(pattern=r"^[A-Za-z0-9:_.\\@-]{1,255}$")  # systemd.unit(5)
    lines: UnitLines = ()

    def kept(self) -> KeptUnit:
        """Return the form in which a machine's state has it."""
        return {"name": self.name, "lines": list(self.lines)}

"""The problems of a description: what is wrong, where in the file, and the way out."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

Steps = tuple[str | int, ...]  # from the top of a description down to one of its values


def dotted(path: Steps) -> str:
    """Return the path as operators read it, such as `nodes[0].ip`."""
    text = ""
    for step in path:
        text += f"[{step}]" if isinstance(step, int) else f".{step}" if text else step
    return text


@dataclass(frozen=True, slots=True, order=True)
class Place:
    """A position in a file, `line` and `column` counted from 1; without them the file as a whole."""

    file: str
    line: int = 0
    column: int = 0

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}" if self.line else self.file


@dataclass(frozen=True, slots=True, order=True)
class Problem:
    """One fault of a description: its place, the key it is about, what was found, and the repair.

    `given` names the other keys whose values the fault follows from, `nodes[0].ip` like `key`.
    """

    place: Place
    key: str
    message: str
    hint: str = ""
    given: tuple[str, ...] = field(default=(), compare=False, repr=False)

    def __str__(self) -> str:
        key = f"{self.key}: " if self.key else ""
        hint = f"\n  hint: {self.hint}" if self.hint else ""
        return f"{self.place}: {key}{self.message}{hint}"


def with_slips(slips: Iterable[Problem], others: Iterable[Problem]) -> list[Problem]:
    """Return the slips of a file and its other problems, without those at the place of a slip: they follow from it."""
    found = list(slips)
    places = {slip.place for slip in found}
    return [*found, *(other for other in others if other.place not in places)]


class InvalidDescription(Exception):
    """Raised for a file that is no sound description; `problems` has all its faults, in the order of the file."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = tuple(sorted(set(problems)))
        super().__init__("\n".join(map(str, self.problems)))

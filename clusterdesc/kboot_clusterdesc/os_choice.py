"""The release that `kboot os use` chose while the description follows the channel, and how its file keeps that."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass

from .os_release import is_version, version_order


@dataclass(frozen=True, slots=True)
class Choice:
    """The release that the operator chose, until there is one that is newer than `over`."""

    version: str
    over: str


def holds(choice: Choice, version: str) -> bool:
    """Return whether a choice keeps the release `version` from coming into force."""
    return version_order(version) <= version_order(choice.over)


def write_choice(choice: Choice) -> str:
    """Return the text of the file that keeps a choice."""
    return json.dumps(asdict(choice)) + "\n"


def read_choice(text: str | bytes) -> Choice:
    """Return the choice that a file keeps; raises ValueError where it is none."""
    try:
        said = json.loads(text)
        choice = Choice(str(said["version"]), str(said["over"]))
    except (KeyError, TypeError, RecursionError) as error:
        raise ValueError("it is no choice") from error
    if not is_version(choice.version) or not is_version(choice.over):
        raise ValueError("it names no release")
    return choice

"""What an operator said of releases while the description follows the channel, and what follows from it. Pure."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass

from .releases import is_version, version_order


@dataclass(frozen=True, slots=True)
class Choice:
    """The release that the operator chose, until the channel brings one that is newer than `over`."""

    version: str
    over: str


def followed(published: str, current: str | None, choice: Choice | None) -> str:
    """Return the release to put in force where the channel stands at `published`.

    A channel that goes back is not followed without a word: its older release may be what everybody is to leave.
    """
    if choice is not None and holds(choice, published):
        return choice.version
    if current is not None and version_order(published) < version_order(current):
        return current
    return published


def holds(choice: Choice, version: str) -> bool:
    """Whether a choice keeps the release `version` from coming into force."""
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

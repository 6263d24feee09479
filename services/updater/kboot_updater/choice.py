"""What follows from the operator's choice of a release while the description follows the channel. Pure."""

from __future__ import annotations

from kboot_clusterdesc.os_choice import Choice, holds
from kboot_clusterdesc.os_release import version_order


def followed(published: str, current: str | None, choice: Choice | None) -> str:
    """Return the release to put in force where the channel stands at `published`.

    A channel that goes back is not followed without a word: its older release may be what everybody is to leave.
    """
    if choice is not None and holds(choice, published):
        return choice.version
    if current is not None and version_order(published) < version_order(current):
        return current
    return published

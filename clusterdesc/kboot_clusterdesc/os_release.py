"""The numbers of OS releases, their order, and which of them read Ignition spec 3."""

from __future__ import annotations

import re

IGNITION_V3_SINCE = (3185, 0, 0)  # the first Flatcar release that reads Ignition spec 3; older ones read spec 2 alone
_VERSION = re.compile(r"[0-9]{1,5}\.[0-9]{1,3}\.[0-9]{1,3}(\+[0-9A-Za-z.-]{1,40})?")


def release_number(version: str) -> tuple[int, ...]:
    """Return the numbers of a release to compare by: `3975.2.0+nightly` -> (3975, 2, 0); ValueError if not numeric."""
    return tuple(int(part) for part in version.partition("+")[0].split("."))


def is_version(text: str) -> bool:
    """Return whether `text` is the number of a release, and so safe as a folder's name."""
    return _VERSION.fullmatch(text) is not None


def version_order(version: str) -> tuple[tuple[int, ...], str]:
    """Return the key to sort release numbers by."""
    return release_number(version), version.partition("+")[2]

"""Which OS releases read the node configs of a description."""

from __future__ import annotations

from .model import ConfigDialect, Os
from .os_family import Family
from .os_release import IGNITION_V3_SINCE, is_version, release_number


def why_unread(os: Os, version: str) -> str | None:
    """Return why a machine with the release `version` would not read its node config; None where it does."""
    if os.config is not ConfigDialect.IGNITION or os.family is not Family.FLATCAR or not is_version(version):
        return None  # Ignition with another family is refused in the description, whatever its release
    if release_number(version) >= IGNITION_V3_SINCE:
        return None
    since = ".".join(map(str, IGNITION_V3_SINCE))
    return f"Ignition v3 needs release {since} or newer, {version} does not read it"

"""Reads the mirrored OS releases, and which one is in force."""

from __future__ import annotations

import json
import os
from pathlib import Path

from kboot_clusterdesc import ClusterDesc, family_of
from kboot_clusterdesc.config_reader import why_unread
from kboot_clusterdesc.shared_files import CURRENT, ORIGIN, UPDATE, UPDATER_STATUS, origin_of
from kboot_clusterdesc.update_payload import UpdatePayload, payload_names, read_payload

from .disk_image import disk_bytes

NO_RELEASE = "no OS release is in the store yet"


def is_whole(images: Path, desc: ClusterDesc, version: str) -> bool:
    """Return whether every file that an install of `version` takes is mirrored and verified."""
    names = family_of(desc.os.family)
    folder = f"{images}/{desc.os.channel}/{version}"  # a string: this is asked with each boot
    whole = all(os.path.isfile(f"{folder}/{name}") for name in (names.kernel, names.initrd, names.image))
    if not desc.os.update.enabled:  # no updater: what lies in the store is what the operator put there
        return whole
    try:  # the updater writes it once every file is verified, and names whose release it is
        with open(f"{folder}/{ORIGIN}", encoding="utf-8") as file:
            origin = file.read().strip()
    except OSError:
        return False
    return whole and origin == origin_of(desc.os)


def release_in_force(images: Path, desc: ClusterDesc) -> str | None:
    """Return the number of the release that machines install now; None until one is whole that reads their configs."""
    version = desc.os.version
    if version == "current":
        try:
            version = os.readlink(images / desc.os.channel / CURRENT).rstrip("/").rpartition("/")[2]
        except OSError:
            return None
    return version if is_whole(images, desc, version) and why_unread(desc.os, version) is None else None


def payload_of(images: Path, desc: ClusterDesc, version: str) -> UpdatePayload | None:
    """Return what brings an installed machine to the release `version`, verified by the updater and whole here now."""
    wanted = payload_names(desc.os)
    folder = images / desc.os.channel / version
    try:
        payload = read_payload((folder / UPDATE).read_bytes())
        files = {file.name: file for file in payload.files if (folder / file.name).stat().st_size == file.size}
    except (OSError, ValueError):
        return None
    if (
        not wanted
        or not files.keys() >= set(wanted)
        or payload.version != version
        or not is_whole(images, desc, version)
    ):
        return None
    return UpdatePayload(version, tuple(files[name] for name in wanted))


def image_bytes(images: Path, desc: ClusterDesc, version: str | None) -> int | None:
    """Return how many bytes an install of `version` writes to the disk; None where that cannot be known."""
    return disk_bytes(images / desc.os.channel / version / family_of(desc.os.family).image) if version else None


def updater_status(images: Path) -> dict[str, object]:
    """Return what the updater last wrote about itself; empty before its first run."""
    try:
        status = json.loads((images / UPDATER_STATUS).read_text())
    except (OSError, ValueError):
        return {}
    return status if isinstance(status, dict) else {}


def updater_events(images: Path) -> list[tuple[str, str, str]]:
    """Return what the updater noted, oldest first: time, kind and detail."""
    events = updater_status(images).get("events")
    if not isinstance(events, list):
        return []
    return [
        (str(event.get("at", "")), str(event.get("kind", "")), str(event.get("detail", "")))
        for event in events
        if isinstance(event, dict)
    ]

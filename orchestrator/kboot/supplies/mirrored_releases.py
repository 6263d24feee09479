"""The OS releases in a cluster's store, as `kboot os list` shows them."""

from __future__ import annotations

import json
import os
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from kboot_clusterdesc import ClusterDesc, ClusterFolder, family_of
from kboot_clusterdesc.os_release import release_number
from kboot_clusterdesc.shared_files import CURRENT, ORIGIN, UPDATE, UPDATER_STATUS, origin_of
from kboot_clusterdesc.update_payload import payload_names, read_payload

from ..host.files import failed

JsonObject = dict[str, Any]


def mirrored_releases(folder: ClusterFolder, desc: ClusterDesc) -> JsonObject:
    """Return what the store holds of the description's channel, and what the updater last told."""
    channel = folder.images / desc.os.channel
    status = _status(folder.images)
    if status.get("channel") != desc.os.channel:
        status = {}
    try:
        names = [path.name for path in channel.iterdir() if path.is_dir() and _is_number(path.name)]
        releases = [_release(channel / name, desc) for name in sorted(names, key=release_number, reverse=True)]
    except FileNotFoundError:
        releases = []
    except OSError as error:
        raise failed(error, channel) from error
    return {
        "channel": desc.os.channel,
        "current": _in_force(channel),
        "wanted": desc.os.version,
        "releases": releases,
        "last_check": status.get("checked"),
        "next_check": status.get("next_check") if desc.os.update.enabled else None,
        "error": status.get("error"),
        "published": status.get("published"),
        "remark": status.get("remark"),
        "payload_error": status.get("payload_error"),
    }


def _release(release: Path, desc: ClusterDesc) -> JsonObject:
    files = [path for path in release.iterdir() if path.is_file()]
    names = {name for file in family_of(desc.os.family).release_files for name in (file, f"{file}.sig")}
    return {
        "version": release.name,
        "complete": names <= {path.name for path in files},
        "verified": _text(release / ORIGIN) == origin_of(desc.os),
        "payload": _has_payload(release, desc),
        "bytes": sum(path.stat().st_size for path in files),
        "since": datetime.fromtimestamp(release.stat().st_mtime, UTC)
        .isoformat(timespec="seconds")
        .replace("+00:00", "Z"),
    }


def _has_payload(release: Path, desc: ClusterDesc) -> bool:
    """Return whether the updater verified what updates machines to the release, all that they need, and it is whole."""
    try:
        told = read_payload((release / UPDATE).read_bytes())
        whole = {file.name for file in told.files if (release / file.name).stat().st_size == file.size}
    except (OSError, ValueError):
        return False
    wanted = payload_names(desc.os) or (family_of(desc.os.family).payload,)
    return told.version == release.name and whole >= set(wanted)


def _status(images: Path) -> JsonObject:
    try:
        status = json.loads((images / UPDATER_STATUS).read_bytes())
    except (OSError, ValueError):
        return {}
    return status if isinstance(status, dict) else {}


def _in_force(channel: Path) -> str | None:
    try:
        version = os.readlink(channel / CURRENT).rstrip("/").rpartition("/")[2]
    except OSError:
        return None
    return version if (channel / version).is_dir() else None


def _text(file: Path) -> str:
    try:
        return file.read_text().strip()
    except OSError:
        return ""


def _is_number(name: str) -> bool:
    try:
        return len(release_number(name)) == 3
    except ValueError:
        return False

"""Saves a snapshot of etcd in the cluster's folder before its members come to another version, and keeps a few."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from pathlib import Path

from kboot_clusterdesc import ClusterDesc, ClusterFolder, Node

from ..errors import BadInput, NotYet
from ..host.progress import Progress
from ..running.cloudconfig_client import JsonObject
from .skew import version_ahead
from .snapshot import take_snapshot

NOTHING_TOUCHED = "nothing was touched: "
_KEPT = 3


def save_before_change(
    folder: ClusterFolder,
    desc: ClusterDesc,
    machines: Sequence[JsonObject],
    nodes: Iterable[Node],
    now: datetime,
    say: Callable[[str], None],
) -> Path | None:
    """Save a snapshot where etcd comes to another version with the first of `nodes`; return its path, else None.

    Raises NotYet, for nothing was touched then, where no member gives one or it cannot be kept.
    """
    version = version_ahead(folder, desc, machines, nodes)
    if version is None:
        return None
    place = folder.etcd_snapshots
    path = place / f"before-{version}-{now:%Y%m%dT%H%M%SZ}.db"
    try:
        place.mkdir(mode=0o700, exist_ok=True)
        if not path.exists():  # of this very second
            take_snapshot(desc, folder, list(machines), path, Progress())
        for old in sorted(place.glob("before-*.db"), key=lambda each: each.stat().st_mtime)[:-_KEPT]:
            old.unlink()
    except OSError as error:
        raise _unsaved(version, f"{place}: {error.strerror}", "see to that path") from error
    except BadInput as error:  # a file that could not be written; its hint is of another command
        raise _unsaved(version, error.message, f"make room in {place}") from error
    except NotYet as error:
        raise _unsaved(version, error.message, error.hint) from error
    say(f"etcd comes to {version}: what it holds is saved in {path}")
    return path


def _unsaved(version: str, reason: str, hint: str) -> NotYet:
    return NotYet(f"{NOTHING_TOUCHED}etcd would come to {version}, and {reason}", hint)

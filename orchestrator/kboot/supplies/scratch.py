"""Folders in a cluster's `staging` that last as long as the work in them, or as a kill lets them."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from kboot_clusterdesc import ClusterFolder

PULL, PUSH = ".pull-", ".push-"


@contextmanager
def scratch_folder(folder: ClusterFolder, prefix: str) -> Iterator[Path]:
    """Yield an empty folder whose name begins with PULL or PUSH; whoever calls holds the cluster's lock."""
    clear_scratch(folder)
    folder.staging.mkdir(mode=0o700, parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder.staging, prefix=prefix) as name:
        yield Path(name)


def clear_scratch(folder: ClusterFolder) -> None:
    """Remove what killed pushes and pulls left, which may be gigabytes; whoever calls holds the cluster's lock."""
    for prefix in (PULL, PUSH):
        for left in folder.staging.glob(f"{prefix}*"):
            shutil.rmtree(left, ignore_errors=True)

"""The lab's key."""

from __future__ import annotations

from pathlib import Path

from kboot_clusterdesc import ClusterFolder
from kboot_lab.ssh import ensure_key


def test_the_lab_key_is_made_once_and_kept_private(tmp_path: Path) -> None:
    folder = ClusterFolder(tmp_path, "demo")
    first = ensure_key(folder)
    assert first.startswith("ssh-ed25519 ")
    assert ensure_key(folder) == first
    assert (folder.lab / "ssh_key").stat().st_mode & 0o777 == 0o600

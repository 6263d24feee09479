"""What killed pushes and pulls left in a cluster's folder for what is staged."""

from __future__ import annotations

from pathlib import Path

from kboot.supplies.scratch import PULL, PUSH, scratch_folder
from kboot_clusterdesc import ClusterFolder


def test_what_killed_pushes_and_pulls_left_goes_before_the_next(tmp_path: Path) -> None:
    folder = ClusterFolder(tmp_path, "ail")
    for name in (".push-1/room", ".pull-2", "images", ".pushed"):
        (folder.staging / name).mkdir(parents=True)
    (folder.staging / ".push-1/room/layer").write_bytes(b"half")
    with scratch_folder(folder, PUSH) as made:
        left = {path.name for path in folder.staging.iterdir()}
        assert left == {"images", ".pushed", made.name}
        assert made.name.startswith(PUSH)
    with scratch_folder(folder, PULL) as made:
        assert list(made.iterdir()) == []
    assert {path.name for path in folder.staging.iterdir()} == {"images", ".pushed"}

"""One kboot at a time."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from kboot.host.lock import Locked, locked


def test_a_second_run_is_told_who_holds_the_lock(tmp_path: Path) -> None:
    with (
        locked(tmp_path / "lock"),
        pytest.raises(Locked, match=f"process {os.getpid()} "),
        locked(tmp_path / "lock"),
    ):
        pass


def test_a_lock_that_was_released_can_be_taken_again(tmp_path: Path) -> None:
    for _ in range(2):
        with locked(tmp_path / "lock"):
            pass

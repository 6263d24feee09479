"""A machine on which install.sh is run."""

from __future__ import annotations

from pathlib import Path

import pytest

from service.kboot.render.sandbox import Sandbox


@pytest.fixture
def machine(tmp_path: Path) -> Sandbox:
    return Sandbox(tmp_path)

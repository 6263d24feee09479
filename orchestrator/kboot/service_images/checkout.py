"""Where the sources of the services lie."""

from __future__ import annotations

import os
from pathlib import Path

from ..errors import KbootError


def checkout() -> Path:
    """The folder that holds `services/`: KBOOT_CHECKOUT, or where this package lies."""
    named = os.environ.get("KBOOT_CHECKOUT")
    path = Path(named) if named else Path(__file__).resolve().parents[3]
    if not (path / "services").is_dir():
        raise KbootError(
            f"{path}: holds no `services` folder to build the service images from",
            "set KBOOT_CHECKOUT to a checkout of kboot",
        )
    return path

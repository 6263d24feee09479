"""The checkout of kboot, which holds the sources of the services."""

from __future__ import annotations

import os
from pathlib import Path

from ..errors import KbootError


def checkout() -> Path:
    """Return the folder that holds `services/`: $KBOOT_CHECKOUT, or the checkout of this package; raise KbootError."""
    named = os.environ.get("KBOOT_CHECKOUT")
    path = Path(named) if named else Path(__file__).resolve().parents[3]
    if not (path / "services").is_dir():
        raise KbootError(
            f"{path}: holds no `services` folder to build the service images from",
            "set KBOOT_CHECKOUT to a checkout of kboot",
        )
    return path

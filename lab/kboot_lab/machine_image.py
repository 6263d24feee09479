"""The container image in which the lab runs its machines."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from kboot.service_images.build import ensure_image


def machine_image(progress: Callable[[str], None]) -> str:
    """Return the reference of the image that runs QEMU, ssh and the release server; build it if it is missing."""
    return ensure_image("lab-machine", Path(__file__).parent / "machine", progress)

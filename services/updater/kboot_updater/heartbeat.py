"""Where the updater's heart beats; it imports nothing of ours, since the health check needs it every ten seconds."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path


def run_folder(environ: Mapping[str, str]) -> Path:
    """Return the folder for what tells nothing any more once the processes have ended."""
    return Path(environ.get("KBOOT_RUN_DIR", "/run/kboot"))


def heartbeat_in(run: Path) -> Path:
    """Return the file that the scheduler writes every few seconds while it runs."""
    return run / "kboot-updater.heartbeat"

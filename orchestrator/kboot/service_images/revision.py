"""The commit that kboot's sources are of: git's word in a checkout, that of the wheel's build in an installed kboot."""

from __future__ import annotations

import subprocess
from pathlib import Path

from .names import is_checkout

REVISION_FILE = "revision"  # beside the sources of the services in a wheel; hatch_build.py writes it


def revision(sources: Path) -> str:
    """Return the commit, with `-dirty` where files differ from it; `unknown` where nobody says."""
    if not is_checkout(sources):
        file = sources / REVISION_FILE
        return file.read_text().strip() if file.is_file() else "unknown"
    if not (sources / ".git").exists():  # git would find that of a folder above
        return "unknown"
    command = ["git", "-C", str(sources), "describe", "--always", "--abbrev=40", "--dirty", "--exclude=*"]
    try:
        asked = subprocess.run(command, capture_output=True, text=True)
    except FileNotFoundError:
        return "unknown"
    return asked.stdout.strip() or "unknown"

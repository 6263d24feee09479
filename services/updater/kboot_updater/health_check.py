"""The container's health check: `python3 -m kboot_updater.health_check` exits 0 while the service runs."""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path

from .heartbeat import heartbeat_in, run_folder

MAX_AGE_S = 60.0


def is_healthy(heartbeat: Path, now_s: float) -> bool:
    """Whether the heartbeat was written within the last minute."""
    try:
        age_s = now_s - heartbeat.stat().st_mtime
    except OSError as error:
        print(f"no heartbeat: {error}", file=sys.stderr)
        return False
    if abs(age_s) > MAX_AGE_S:  # of one that lies ahead, the clock was set back and nothing came since
        print(f"the last heartbeat is {age_s:.0f} s old", file=sys.stderr)
        return False
    return True


if __name__ == "__main__":
    sys.exit(0 if is_healthy(heartbeat_in(run_folder(os.environ)), time.time()) else 1)

"""Rules for times: the update schedule names a day that exists, the reboot window is a day at most."""

from __future__ import annotations

from collections.abc import Iterator

from ..model import ClusterDesc
from ..problem import Problem
from ..source import Tree
from ..types import cron_values, duration_s
from .at import problem_at

_LAST_DAY = {2: 29, 4: 30, 6: 30, 9: 30, 11: 30}
_DAY_S = 86400


def check_schedule(desc: ClusterDesc, tree: Tree) -> Iterator[Problem]:
    """Yield a problem for a schedule that names no day of any year."""
    _, _, days, months, _ = cron_values(desc.os.update.schedule)
    if all(min(days) > _LAST_DAY.get(month, 31) for month in months):
        yield problem_at(
            tree,
            ("os", "update", "schedule"),
            f"`{desc.os.update.schedule}` never comes: no month of it has a day {min(days)}",
            'write a day that comes, such as "0 3 1 * *", or `*` for every day',
        )


def check_window(desc: ClusterDesc, tree: Tree) -> Iterator[Problem]:
    """Yield a problem for a reboot window longer than a day."""
    window = desc.os.update.window
    if window and duration_s(window.length) > _DAY_S:
        yield problem_at(
            tree,
            ("os", "update", "window", "length"),
            f"{window.length} is longer than a day",
            "write 24h at most",
        )

"""How long each stage of a rollout may last. Pure; it imports nothing of ours, since the settings have it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta


@dataclass(frozen=True, slots=True)
class Patience:
    """How long each stage may last."""

    fetch: timedelta = timedelta(hours=1)
    drain: timedelta = timedelta(minutes=30)
    ask: timedelta = timedelta(minutes=10)  # for a machine that is drained to ask whether it may reboot
    reboot: timedelta = timedelta(minutes=20)
    settle: timedelta = timedelta(minutes=15)
    errors: int = 3  # of an update client in one turn

    def times(self, factor: int) -> Patience:
        """Return so many times this patience, for slow machines."""
        return Patience(
            self.fetch * factor, self.drain * factor, self.ask, self.reboot * factor, self.settle * factor, self.errors
        )

"""What update_engine keeps over a reboot: a file a value, below /var/lib/update_engine/prefs."""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from .omaha import Offer

_MOST_BACKOFF_DAYS = 16


class Prefs:
    """The values by their names."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        folder.mkdir(parents=True, exist_ok=True)

    def text(self, name: str) -> str | None:
        """Return a value, None where it was never set."""
        try:
            return (self._folder / name).read_text()
        except FileNotFoundError:
            return None

    def number(self, name: str) -> int:
        """Return a value that is a number, 0 where it is none."""
        text = self.text(name) or ""
        return int(text) if text.isdecimal() else 0

    def set(self, name: str, value: str | int) -> None:
        """Set a value; a cut of the power leaves the old one or the new one."""
        fresh = self._folder / f".{name}"
        fresh.write_text(str(value))
        fresh.rename(self._folder / name)


@dataclass(frozen=True, slots=True)
class PayloadState:
    """How often an offered payload was tried, and from which of its URLs (payload_state.cc)."""

    prefs: Prefs
    offer: Offer
    day_s: float

    def begin(self) -> None:
        """Forget what was counted for another payload."""
        own = sha256(repr((self.offer.urls, self.offer.size, self.offer.sha256)).encode()).hexdigest()
        if self.prefs.text("payload") != own:
            self.prefs.set("payload", own)
            for name in ("url-index", "url-failures", "attempts", "backoff-until"):
                self.prefs.set(name, 0)

    @property
    def url(self) -> str:
        """The URL whose turn it is."""
        return self.offer.urls[self.prefs.number("url-index") % len(self.offer.urls)]

    def is_deferred(self, now_s: float) -> bool:
        """Return whether the payload was tried so often that it has to wait."""
        return self.offer.has_backoff and now_s < self.prefs.number("backoff-until")

    def count_attempt(self, now_s: float) -> None:
        """Count a download that was whole, or one that failed from every URL: the next one waits, longer each time."""
        attempts = self.prefs.number("attempts") + 1
        days = min(2 ** (attempts - 1), _MOST_BACKOFF_DAYS)
        self.prefs.set("attempts", attempts)
        self.prefs.set("backoff-until", int(now_s + days * self.day_s))

    def count_failure(self, now_s: float, *, of_transfer: bool) -> None:
        """Count a failure; the next URL comes to its turn after some of the transfer's, or one of what was sent."""
        failures = self.prefs.number("url-failures") + 1
        if of_transfer and failures < self.offer.failures_per_url:
            self.prefs.set("url-failures", failures)
            return
        index = self.prefs.number("url-index") + 1
        self.prefs.set("url-failures", 0)
        self.prefs.set("url-index", index % len(self.offer.urls))
        if index >= len(self.offer.urls):
            self.count_attempt(now_s)

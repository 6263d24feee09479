"""What the server counts as it happens, for its metrics: events, refusals, requests, lengths of phases."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Histogram

from kboot_clusterdesc import Phase
from kboot_clusterdesc.shared_files import AUTHORITY, INSTALLER, MEMORY_IGNITION

from .machine import Machine

# From a lease to a node that is Ready: seconds for most phases, a quarter of an hour for the slowest.
_BUCKETS = (1, 2, 5, 10, 20, 30, 45, 60, 90, 120, 180, 300, 600, 900, 1800, 3600)
_PARTS = {
    "boot": "boot",
    "boot.ipxe": "boot",
    "pxelinux.cfg": "boot",
    MEMORY_IGNITION: "boot",
    INSTALLER: "install",
    "ignition": "config",
    "cloud-configs": "config",
    "certs": "config",
    "assets": "asset",
    "v1": "api",
    "": "page",
    "machines": "page",
    "cluster": "page",
    "events": "page",
    "page": "page",
    "login": "page",
    "logout": "page",
    "rollout": "page",
    "metrics": "metrics",
    "healthz": "health",
    "readyz": "health",
    AUTHORITY: "api",
}
_STEPS = (Phase.LEASED, Phase.BOOTING, Phase.INSTALLING, Phase.CONFIGURED, Phase.INSTALLED, Phase.RUNNING)


class Observed:
    """Counters of one server, each from its start on."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self._answers: dict[tuple[str, int], tuple[Counter, Counter]] = {}
        of = self.registry
        self.events = Counter("kboot_events", "Events, by kind.", ["kind"], registry=of)
        self.refused = Counter("kboot_refused", "Requests that were refused, by reason.", ["reason"], registry=of)
        asked = "Requests, by what was asked for and the status."
        self.requests = Counter("kboot_http_requests", asked, ["of", "status"], registry=of)
        self.sent = Counter(
            "kboot_http_response_bytes",
            "Bytes of the answers that were begun, by what was asked for; some downloads are broken off.",
            ["of"],
            registry=of,
        )
        self.phases = Histogram(
            "kboot_install_phase_seconds",
            "How long machines were in each phase of their install, once they left it.",
            ["phase"],
            buckets=_BUCKETS,
            registry=of,
        )

    def note_step(self, before: Machine, after: Machine) -> None:
        """Count the phase of an install that a machine left, if it left one."""
        if (length_s := left_after_s(before, after)) is not None:
            self.phases.labels(before.phase.value).observe(length_s)

    def note_answer(self, path: str, status: int, size_bytes: int) -> None:
        """Count an answer that was begun."""
        key = (part_of(path), status)
        if key not in self._answers:  # the look for labels takes longer than the count
            self._answers[key] = (self.requests.labels(key[0], str(status)), self.sent.labels(key[0]))
        requests, sent = self._answers[key]
        requests.inc()
        sent.inc(size_bytes)


def part_of(path: str) -> str:
    """Return what a path asks for: a word of a short list, since what others may ask for is without end."""
    first, _, rest = path.lstrip("/").partition("/")
    return _PARTS.get(first, "image" if rest.count("/") == 1 else "other")


def left_after_s(before: Machine, after: Machine) -> float | None:
    """Return how long a machine was in the phase of its install that it left, in seconds; None where it left none.

    A machine that runs leaves that phase of its install when its node is Ready, and not when it fails years later.
    """
    is_left = before.phase in _STEPS and after.phase is not before.phase
    was_ready = Phase.READY in before.phases  # since its install: then it only is Ready again
    if not is_left or (before.phase is Phase.RUNNING and (after.phase is not Phase.READY or was_ready)):
        return None
    return max((after.since - before.since).total_seconds(), 0)

"""The metrics that say how things are now, made anew for each look at them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, InfoMetricFamily, Metric

from kboot_clusterdesc import Phase
from kboot_clusterdesc.summary import Summary

from .api import ApiState, RolloutState
from .kubernetes_nodes import KubernetesView
from .receivers import ReceiverView
from .rollout import Stage, State
from .row import Level, Row

_UPDATER_COUNTERS = {
    "checks": "Looks for a release.",
    "failed_checks": "Looks for a release that failed.",
    "failed_payloads": "Looks for the update payload of a release that failed.",
    "refused": "Files of a release whose signature or content was refused.",
    "switches": "Times that another release came into force.",
    "downloaded_bytes": "Bytes of releases that were downloaded.",
}


@dataclass(frozen=True, slots=True)
class Leases:
    """How many addresses of the range are leased, and how many are not."""

    used: int
    free: int


@dataclass(frozen=True, slots=True)
class Now:
    """The state of the cluster at a look at its metrics."""

    rows: Sequence[Row]
    discovered: int
    is_in_doubt: bool
    channel: str
    release: str | None
    updater: dict[str, object]
    kubernetes: KubernetesView
    leases: Leases | None  # None where the site gives the addresses
    summary: Summary | None
    streams: int
    rollout: RolloutState
    receivers: Sequence[ReceiverView]


@dataclass(frozen=True, slots=True, eq=False)
class FleetMetrics:
    """A collector of Prometheus' client over one state."""

    now: Now

    def collect(self) -> Iterator[Metric]:
        """Yield each family of metrics."""
        yield from _machines(self.now)
        yield from _each_machine(self.now.rows)
        yield from _releases(self.now)
        yield from _rollout(self.now.rollout)
        if self.now.leases is not None:
            yield _leases(self.now.leases)
        yield GaugeMetricFamily("kboot_event_streams", "Streams of events that are open.", self.now.streams)
        yield from _receivers(self.now.receivers)
        if self.now.kubernetes.state is not ApiState.NONE:
            yield from _kubernetes(self.now.kubernetes)
        if self.now.summary is not None:
            yield from _summary(self.now.summary)


def _machines(now: Now) -> Iterator[Metric]:
    phases = Counter(row.phase for row in now.rows)
    phases[Phase.DISCOVERED] = now.discovered
    by_phase = ((phase.value, phases[phase]) for phase in Phase)
    yield _by("kboot_machines", "Machines by phase; discovered ones are none of the cluster.", "phase", by_phase)
    for name, meaning, count in (
        ("armed", "Machines that a network boot would install.", sum(row.armed for row in now.rows)),
        ("outdated", "Machines that run an older config than the one in force.", sum(row.outdated for row in now.rows)),
        ("bad", "Machines that failed, are overdue or do not answer.", sum(row.level is Level.BAD for row in now.rows)),
        ("discovered", "Machines on the network that are none of the cluster.", now.discovered),
    ):
        yield GaugeMetricFamily(f"kboot_machines_{name}", meaning, count)
    doubt = "Whether the state was lost, and no operator has ended the doubt."
    yield GaugeMetricFamily("kboot_state_lost", doubt, int(now.is_in_doubt))


def _each_machine(rows: Iterable[Row]) -> Iterator[Metric]:
    labels = ["name", "mac", "rack", "phase"]
    phases = GaugeMetricFamily("kboot_machine_phase", "The phase that a machine is in: 1.", labels=labels)
    since = GaugeMetricFamily("kboot_machine_phase_start_timestamp_seconds", "Since when it is in it.", labels=["name"])
    bad = GaugeMetricFamily("kboot_machine_bad", "Whether it failed, is overdue or does not answer.", labels=["name"])
    for row in rows:
        phases.add_metric([row.name, row.mac, row.rack, row.phase.value], 1)
        since.add_metric([row.name], datetime.fromisoformat(row.since).timestamp())
        bad.add_metric([row.name], int(row.level is Level.BAD))
    yield from (phases, since, bad)


def _releases(now: Now) -> Iterator[Metric]:
    ready = "Whether a whole OS release is in the store."
    yield GaugeMetricFamily("kboot_release_ready", ready, int(now.release is not None))
    in_force = {"channel": now.channel, "version": now.release or ""}
    yield InfoMetricFamily("kboot_release", "The OS release that installs get.", in_force)
    failed = "Whether the last look for a release failed."
    yield GaugeMetricFamily("kboot_updater_last_check_failed", failed, int(bool(now.updater.get("error"))))
    stuck = "Whether installed machines cannot come to the release."
    yield GaugeMetricFamily("kboot_updater_payload_failed", stuck, int(bool(now.updater.get("payload_error"))))
    for name, meaning in (("checked", "last look for a release"), ("succeeded", "last one that succeeded")):
        if (at := _timestamp(now.updater.get(name))) is not None:
            what = "last_check" if name == "checked" else "last_success"
            yield GaugeMetricFamily(f"kboot_updater_{what}_timestamp_seconds", f"When the {meaning} was.", at)
    for name, meaning in _UPDATER_COUNTERS.items():
        count = now.updater.get(f"{name}_total")
        yield CounterMetricFamily(f"kboot_updater_{name}", meaning, count if isinstance(count, int) else 0)


def _rollout(rollout: RolloutState) -> Iterator[Metric]:
    states = ((state.value, int(rollout["state"] == state)) for state in State)
    yield _by("kboot_rollout_state", "What the rollout of an OS release does: 1 for its state.", "state", states)
    stages = Counter(machine["stage"] for machine in rollout["machines"])
    by_stage = ((stage.value, stages[stage.value]) for stage in Stage)
    yield _by("kboot_rollout_machines", "Machines by their stage in the rollout.", "stage", by_stage)
    releases = Counter(machine["version"] or "unknown" for machine in rollout["machines"])
    yield _by(
        "kboot_machines_release", "Machines by the OS release that they run.", "release", sorted(releases.items())
    )


def _timestamp(told: object) -> float | None:
    try:
        return datetime.fromisoformat(told).timestamp() if isinstance(told, str) else None
    except ValueError:
        return None


def _leases(leases: Leases) -> Metric:
    states = (("used", leases.used), ("free", leases.free))
    return _by("kboot_leases", "Addresses of the range, by whether they are leased.", "state", states)


def _receivers(receivers: Sequence[ReceiverView]) -> Iterator[Metric]:
    failing = ((view.name, int(view.failing_since is not None)) for view in receivers)
    yield _by("kboot_receiver_failing", "Whether one who is told of events takes none.", "receiver", failing)
    taken = CounterMetricFamily("kboot_receiver_requests", "Requests with events that it took.", labels=["receiver"])
    left = CounterMetricFamily("kboot_receiver_events_left_out", "Events that it never got.", labels=["receiver"])
    for view in receivers:
        taken.add_metric([view.name], view.taken)
        left.add_metric([view.name], view.left_out)
    yield from (taken, left)


def _kubernetes(view: KubernetesView) -> Iterator[Metric]:
    up = "Whether an API server answers us."
    yield GaugeMetricFamily("kboot_kubernetes_api_up", up, int(view.state is ApiState.ANSWERS))
    nodes = sorted(view.nodes.items())
    ready = ((name, int(node.is_ready)) for name, node in nodes)
    yield _by("kboot_kubernetes_node_ready", "Whether a node is Ready at the API server.", "name", ready)
    cordoned = ((name, int(node.is_cordoned)) for name, node in nodes)
    yield _by("kboot_kubernetes_node_cordoned", "Whether a node is given no new pods.", "name", cordoned)


def _summary(summary: Summary) -> Iterator[Metric]:
    ends = GaugeMetricFamily(
        "kboot_certificate_not_after_seconds",
        "When the first of the certificates of a name ends, as kboot last saw it.",
        labels=["name", "owner"],
    )
    for each in summary.certificates:
        ends.add_metric([each.name, each.owner], each.ends.timestamp())
    yield ends
    missing = sum(not image.is_here for image in summary.images)
    yield GaugeMetricFamily("kboot_images_missing", "Images that machines pull and the registry lacks.", missing)
    services = InfoMetricFamily("kboot_service", "The image that a service runs.", labels=["service"])
    for service in summary.services:
        services.add_metric([service.name], {"image": service.image})
    yield services
    yield InfoMetricFamily("kboot_build", "The kboot that last changed this cluster.", {"version": summary.kboot})


def _by(name: str, meaning: str, label: str, values: Iterable[tuple[str, int]]) -> GaugeMetricFamily:
    family = GaugeMetricFamily(name, meaning, labels=[label])
    for value, count in values:
        family.add_metric([value], count)
    return family

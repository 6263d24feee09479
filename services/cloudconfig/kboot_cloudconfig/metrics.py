"""The state of the fleet as Prometheus text."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from fastapi.responses import PlainTextResponse, Response

from kboot_clusterdesc import Phase

from .api import ApiState
from .caller import ServedFleet
from .fleet import Fleet
from .kubernetes_nodes import KubernetesView
from .releases import updater_status

_UPDATER_COUNTERS = {
    "checks_total": "Looks for a release.",
    "failed_checks_total": "Looks for a release that failed.",
    "failed_payloads_total": "Looks for the update payload of a release that failed.",
    "refused_total": "Files of a release whose signature or content was refused.",
    "switches_total": "Times that another release came into force.",
    "downloaded_bytes_total": "Bytes of releases that were downloaded.",
}


async def metrics(fleet: ServedFleet) -> Response:
    """Return machines by phase, armed machines, refusals, and whether a release can be installed."""
    return PlainTextResponse("\n".join(_lines(fleet)) + "\n", media_type="text/plain; version=0.0.4")


def _lines(fleet: Fleet) -> Iterator[str]:
    machines = [fleet.machine(node.mac) for node in fleet.nodes()]
    phases = Counter(machine.phase for machine in machines)
    yield from _head("kboot_machines", "gauge", "Machines of the cluster by phase.")
    yield from (f'kboot_machines{{phase="{phase.value}"}} {phases[phase]}' for phase in Phase)
    yield from _head("kboot_machines_armed", "gauge", "Machines that a network boot would install.")
    yield f"kboot_machines_armed {sum(machine.armed for machine in machines)}"
    yield from _head("kboot_state_lost", "gauge", "Whether the state was lost, and no operator has ended the doubt.")
    yield f"kboot_state_lost {int(fleet.store.doubt() is not None)}"
    yield from _head("kboot_machines_discovered", "gauge", "Machines on the network that are none of the cluster.")
    yield f"kboot_machines_discovered {len(fleet.discovered())}"
    yield from _head("kboot_events_total", "counter", "Events so far.")
    newest = fleet.store.newest_events(1)
    yield f"kboot_events_total {newest[0].number if newest else 0}"
    yield from _head("kboot_release_ready", "gauge", "Whether a whole OS release is in the store.")
    yield f"kboot_release_ready {int(fleet.release_in_force() is not None)}"
    updater = updater_status(fleet.settings.images)
    yield from _head("kboot_updater_failed", "gauge", "Whether the last look for a release failed.")
    yield f"kboot_updater_failed {int(bool(updater.get('error')))}"
    yield from _head("kboot_updater_payload_failed", "gauge", "Whether installed machines cannot come to the release.")
    yield f"kboot_updater_payload_failed {int(bool(updater.get('payload_error')))}"
    for name, meaning in _UPDATER_COUNTERS.items():
        yield from _head(f"kboot_updater_{name}", "counter", meaning)
        count = updater.get(name)
        yield f"kboot_updater_{name} {count if isinstance(count, int) else 0}"
    if fleet.kubernetes.state is not ApiState.NONE:
        yield from _kubernetes(fleet.kubernetes)


def _kubernetes(view: KubernetesView) -> Iterator[str]:
    yield from _head("kboot_kubernetes_api_up", "gauge", "Whether an API server answers us.")
    yield f"kboot_kubernetes_api_up {int(view.state is ApiState.ANSWERS)}"
    yield from _head("kboot_kubernetes_node_ready", "gauge", "Whether a node is Ready at the API server.")
    for name, node in sorted(view.nodes.items()):
        yield f'kboot_kubernetes_node_ready{{name="{name}"}} {int(node.is_ready)}'


def _head(name: str, kind: str, meaning: str) -> Iterator[str]:
    yield f"# HELP {name} {meaning}"
    yield f"# TYPE {name} {kind}"

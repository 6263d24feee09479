"""What is wrong in a cluster by its status: the worst first, what is the same said once, with the next command."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from enum import IntEnum

from kboot_clusterdesc import Phase
from kboot_clusterdesc.phase import STATE_LOST
from kboot_clusterdesc.service_loss import LOSS

from ..host.engine import ServiceState
from .cloudconfig_client import JsonObject
from .pasted import pasted
from .status import Status, failed_units_in_words

# What brings a service up that does not run; of one that begins again and again its log says why.
_WAYS_UP = {"missing": "kboot up FILE", "exited": "kboot start", "created": "kboot start"}
_STOPPED = (0, 143)  # by SIGTERM, which some take as a way to end well
_NAMED = 3  # machines by name in one sentence
INSTALLS = (Phase.BOOTING, Phase.INSTALLING, Phase.CONFIGURED, Phase.INSTALLED)


class Severity(IntEnum):
    """How bad it is: what stands still, what may, what works and should be seen to."""

    BAD = 0
    LATE = 1
    OLD = 2


@dataclass(frozen=True, slots=True)
class Trouble:
    """One thing that is wrong: of whom, what, and the command that leads on. `kind` is its word in a summary."""

    severity: Severity
    kind: str
    count: int
    subject: str
    what: str
    next: str
    since: str | None = None


def troubles(status: Status) -> list[Trouble]:
    """Return what is wrong with services, state, machines, rollout, etcd, API servers and OS release, worst first."""
    parts = (_of_services, _of_machines, _of_rollout, _of_health, _of_release, _of_receivers)
    found = (replace(trouble, next=pasted(trouble.next, status.to_name)) for part in parts for trouble in part(status))
    return sorted(found, key=lambda trouble: trouble.severity)


def summary(found: Sequence[Trouble]) -> str:
    """Return how many of each kind there are, such as `2 failed, 1 overdue, 1 service down`."""
    counts: dict[str, int] = {}
    for trouble in found:
        counts[trouble.kind] = counts.get(trouble.kind, 0) + trouble.count
    return ", ".join(f"{count} {kind}" for kind, count in counts.items())


def is_well(node: JsonObject) -> bool:
    """Return whether nothing is wrong with a machine: it may be off, or on its way."""
    wrong = node["reason"] or node["overdue"] or failed_units_in_words(node) or is_outdated(node)
    return node["phase"] != Phase.FAILED and not wrong


def is_outdated(node: JsonObject) -> bool:
    """Return whether a machine that runs has another config than the one in force."""
    return bool(node["config"] == "outdated")


def names_of(nodes: Sequence[JsonObject]) -> str:
    """Return the names of machines, of many the first few and how many more."""
    named = ", ".join(str(node["name"]) for node in nodes[:_NAMED])
    return f"{named} and {len(nodes) - _NAMED} more" if len(nodes) > _NAMED else named


def phases_in_words(nodes: Sequence[JsonObject]) -> str:
    """Return how many machines are in each phase, those that failed first, then in the order of a machine's life."""
    phases = dict.fromkeys([Phase.FAILED, *Phase, "unknown"])
    counts = {phase: sum(node["phase"] == phase for node in nodes) for phase in phases}
    return ", ".join(f"{count} {phase}" for phase, count in counts.items() if count)


def way_to_config(nodes: Sequence[JsonObject], outdated: Sequence[JsonObject]) -> str:
    """Return the command that brings the config in force to machines that run an older one."""
    if any(node["phase"] == Phase.READY for node in nodes):
        return "kboot upgrade"
    return f"kboot node apply {outdated[0]['name']}"


def _of_services(status: Status) -> Iterator[Trouble]:
    cluster = f" --cluster {status.cluster}"
    for service in status.services:
        if not service.is_up:
            severity = Severity.LATE if service.health == "starting" else Severity.BAD
            command = _WAYS_UP.get(service.state, f"kboot logs {service.name}{cluster}")
            yield Trouble(severity, "service down", 1, service.name, _of_service(service), command, service.ended)
    if status.doubt:
        arm = pasted("kboot node reinstall NAME", status.to_name)
        what = f"lost ({status.doubt['reason']}): no machine is armed by itself, `{arm}` arms one"
        yield Trouble(Severity.BAD, "state lost", 1, "state", what, "kboot node settle", status.doubt["since"])
    if status.down and all(service.is_up for service in status.services):
        yield Trouble(
            Severity.BAD, "server silent", 1, "cloudconfig", "does not answer", f"kboot logs cloudconfig{cluster}"
        )


def _of_service(service: ServiceState) -> str:
    """Return how a service that is not up is, and what machines lack by that."""
    if service.state == "running":
        return f"is {service.health}{f': {service.complaint}' if service.complaint else ''}"
    loss = LOSS.get(service.name)
    return f"{_end_of(service)}{f': {loss}' if loss else ''}"


def _end_of(service: ServiceState) -> str:
    """Return how a service came to its end: somebody stopped it, or by itself."""
    if service.exit_code is None:
        return f"is {service.state}"
    return "was stopped" if service.exit_code in _STOPPED else f"ended with exit code {service.exit_code}"


def _of_machines(status: Status) -> Iterator[Trouble]:
    known = [node for node in status.nodes if node["phase"] != "unknown"]
    failed = [node for node in known if node["phase"] == Phase.FAILED]
    yield from _alike(failed, Severity.BAD, "failed", lambda node: f"failed: {node['reason'] or 'no reason given'}")
    others = [node for node in known if node["phase"] != Phase.FAILED]
    reasons = [node for node in others if node["reason"] and not (status.doubt and node["reason"] == STATE_LOST)]
    yield from _alike(reasons, Severity.LATE, "in trouble", lambda node: f"{node['phase']}: {node['reason']}")
    late = [node for node in others if node["overdue"] and not node["reason"]]
    yield from _alike(late, Severity.LATE, "overdue", lambda node: str(node["overdue"]))
    units = [node for node in others if failed_units_in_words(node)]
    for trouble in _alike(units, Severity.LATE, "with failed units", failed_units_in_words):
        yield replace(trouble, since=None)  # the time of the phase, which is not that of the failure
    outdated = [node for node in known if is_outdated(node)]
    if outdated:
        verb = "runs" if len(outdated) == 1 else "run"
        what = f"{verb} an older config than the one in force"
        command = way_to_config(known, outdated)
        yield Trouble(Severity.OLD, "outdated", len(outdated), names_of(outdated), what, command)


def _alike(
    nodes: Sequence[JsonObject], severity: Severity, kind: str, words: Callable[[JsonObject], str]
) -> Iterator[Trouble]:
    """Yield a trouble for all machines of which the same is to be said."""
    groups: dict[str, list[JsonObject]] = {}
    for node in nodes:
        groups.setdefault(words(node), []).append(node)
    for what, group in groups.items():
        since = min((node["since"] for node in group if node["since"]), default=None)
        command = f"kboot node show {group[0]['name']}"
        yield Trouble(severity, kind, len(group), names_of(group), what, command, since)


def _of_health(status: Status) -> Iterator[Trouble]:
    parts = (("etcd", status.health.etcd, "etcd unwell"), ("API server", status.health.control_plane, "API unwell"))
    for what, members, kind in parts:
        for part in members:
            if part.is_well is False and _may_be_up(status, part.name):
                words = f"{what} is not well: {part.reason}"
                yield Trouble(Severity.LATE, kind, 1, part.name, words, f"kboot node show {part.name}")
            elif part.remark:
                yield Trouble(
                    Severity.LATE, "etcd filling", 1, part.name, f"etcd: {part.remark}", f"kboot node show {part.name}"
                )


def _may_be_up(status: Status, name: str) -> bool:
    """Return whether a machine is so far that its etcd and API server can be expected: before, its phase says it."""
    node = next((node for node in status.nodes if node["name"] == name), None)
    return node is None or node["phase"] in (Phase.RUNNING, Phase.READY)


def _of_release(status: Status) -> Iterator[Trouble]:
    if error := status.os.get("error"):
        yield Trouble(Severity.LATE, "OS release", 1, "OS release", str(error), "kboot os sync")
    elif status.os and not status.os.get("current"):
        what = "none is in force: nothing can be installed"
        yield Trouble(Severity.LATE, "OS release", 1, "OS release", what, "kboot os sync")
    if remark := status.os.get("remark"):
        yield Trouble(Severity.OLD, "OS release", 1, "OS release", str(remark), "kboot os list")
    if error := status.os.get("payload_error"):
        yield Trouble(Severity.LATE, "OS update", 1, "OS update", str(error), "kboot os sync")


def _of_rollout(status: Status) -> Iterator[Trouble]:
    rollout = status.rollout
    if rollout and rollout["state"] == "halted":
        what = f"the rollout of {rollout['release']} has halted: {rollout['reason']}"
        yield Trouble(Severity.BAD, "rollout halted", 1, "updates", what, "kboot os rollout status", rollout["since"])


def _of_receivers(status: Status) -> Iterator[Trouble]:
    command = f"kboot logs cloudconfig --cluster {status.cluster}"
    for each in status.receivers:
        if each["failing_since"]:
            what = f"is not told of events: {each['problem']}"
            yield Trouble(Severity.LATE, "receiver", 1, each["name"], what, command, each["failing_since"])


def by_need(nodes: Sequence[JsonObject]) -> list[JsonObject]:
    """Return machines in the order in which a short list shows them: failed, wrong, on their way, then the rest."""
    return sorted(nodes, key=_rank)


def _rank(node: JsonObject) -> int:
    if node["phase"] == Phase.FAILED:
        return 0
    if not is_well(node):
        return 1
    return 2 if node["phase"] in INSTALLS or (node["phase"] == Phase.LEASED and node["armed"]) else 3

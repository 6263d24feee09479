"""Takes the reports of machines."""

from __future__ import annotations

from ipaddress import IPv4Address
from typing import Literal

from fastapi import Request
from fastapi.responses import Response
from pydantic import Field

from kboot_clusterdesc import EventKind, Phase
from kboot_clusterdesc.types import Guid, HostKey

from . import guard
from . import machine as life
from .body import Body, Size
from .caller import ReporterMac, ServedFleet, ask_of, parsed, small_body
from .card import CARDS_AT_MOST, Card
from .disk import DISKS_AT_MOST, Disk
from .disk_boot import told_boot, was_taken_back
from .fleet import Fleet
from .machine import Machine
from .problem import ProblemError
from .report_tokens import report_tokens
from .self_report import saw_hardware, told_units, took_disk
from .told_text import UNITS_AT_MOST, FailedUnit, LogLines
from .update_steps import note_boot
from .whereabouts import elsewhere_in_words

_WHY = {  # of a refusal to who has a token of this machine
    guard.Refusal.REPLAYED_TOKEN: "its report was refused: it is of an earlier install",
    guard.Refusal.WRONG_ADDRESS: "its report was refused to {}, which is not its own address",
}


class Report(Body):
    """The body of a report. Sizes are bytes."""

    phase: Literal[Phase.INSTALLING, Phase.INSTALLED, Phase.RUNNING, Phase.FAILED]
    detail: str = Field(default="", max_length=500)
    bytes: Size | None = None
    total: Size | None = None
    config: str | None = Field(default=None, pattern=r"^[0-9a-f]{64}$")
    version: str | None = Field(default=None, max_length=60)
    ssh_host_keys: tuple[HostKey, ...] = Field(default=(), max_length=8)  # counts with `running` alone
    disks: tuple[Disk, ...] = Field(default=(), max_length=DISKS_AT_MOST)  # counts with `installing` alone
    cards: tuple[Card, ...] = Field(default=(), max_length=CARDS_AT_MOST)  # the same
    install_disk: str | None = Field(default=None, pattern=r"^/dev/[A-Za-z0-9 .,:;/_()+=-]{1,200}$")  # the same
    boot_partition: Guid | None = None  # counts with `installed` alone
    log: LogLines = ()  # counts with `failed` alone
    # Counts with `running` alone, which is no boot then; all that have failed, none once all is well again.
    failed_units: tuple[FailedUnit, ...] | None = Field(default=None, max_length=UNITS_AT_MOST)


async def take_report(request: Request, fleet: ServedFleet, mac: ReporterMac) -> Response:
    """Change a machine's state by its own report; answer 403 and keep an event where the token is wrong."""
    own = fleet.addresses_of(fleet.node(mac))
    ask = ask_of(request)
    report = parsed(Report, await small_body(request))
    machine = fleet.machine(mac)
    refusal = guard.refusal_of_report(ask, report.phase, machine, own, report_tokens(fleet, mac))
    if refusal is not None:
        fleet.refuse(mac, ask.address, str(refusal), request.url.path)
        if refusal in _WHY:
            reason = _WHY[refusal].format(ask.address)
            fleet.keep_reason(machine, life.asked_elsewhere(machine, reason, is_known=True), ask.address)
        raise ProblemError(403, f"refused: {refusal}")
    fleet.hear(mac)
    is_own = ask.address in own
    known = life.proved_itself(machine, guard.sha256_of(ask.token or "")) if is_own else machine
    after = _step(known, report, fleet, ask.address, is_own=is_own)
    fleet.keep(machine, after, ask.address, detail=report.detail)
    _tell_step(fleet, report, machine, after, ask.address)
    if report.phase is Phase.RUNNING:
        fleet.updates.note_address(mac, ask.address)
        if was_taken_back(machine, after):
            fleet.tell(EventKind.DISARMED, mac, ask.address, detail=after.reason or "")
        if report.failed_units is None:
            note_boot(fleet, machine, after, ask.address)
    return Response(status_code=204)


def _tell_step(fleet: Fleet, report: Report, before: Machine, after: Machine, address: IPv4Address | None) -> None:
    """Tell what a machine said of its install, once for each boot, or of its boot from disk, where that is new."""
    told = after.remark if report.phase is Phase.RUNNING else report.detail
    if report.phase not in (Phase.INSTALLING, Phase.RUNNING) or not told or told == before.remark:
        return
    if report.phase is Phase.INSTALLING and after.boot and not fleet.steps.note(after.mac, after.boot.sha256, told):
        return
    fleet.tell(EventKind.STEP, after.mac, address, detail=told)


def _step(machine: Machine, report: Report, fleet: Fleet, address: IPv4Address | None, *, is_own: bool) -> Machine:
    now = fleet.now()
    match report.phase:
        case Phase.RUNNING if report.failed_units is not None:
            return told_units(machine, tuple(unit.kept() for unit in report.failed_units))
        case Phase.RUNNING:
            said = filter(None, (report.detail, elsewhere_in_words(fleet.desc(), fleet.node(machine.mac), address)))
            remark = "; ".join(said) or None
            return told_boot(machine, report.config, report.version, now, report.ssh_host_keys, remark)
        case Phase.INSTALLED:
            return life.finished_install(machine, now, report.boot_partition)
        case Phase.FAILED:
            return life.failed(machine, report.detail or "no reason given", now, report.log)
        case _:
            disks = tuple(disk.kept() for disk in report.disks)
            # Its next install may take that disk whatever is on it: who read the boot value on the wire names none.
            named = report.install_disk if is_own else None
            seen = saw_hardware(machine, disks, tuple(card.kept() for card in report.cards))
            return life.wrote_to_disk(took_disk(seen, named), report.bytes, report.total, now)

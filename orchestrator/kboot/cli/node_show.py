"""`kboot node show`: how far a machine is, why it is stuck, what to type, and how it came there."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import TYPE_CHECKING

from ..host.told_commands import told
from .ages import age, length, moment
from .status_text import card_lines, disk_lines, phase_span, remark_of, update_lines, wrong_with
from .tables import Cell, Column, Line, Span, Table, Way, folded, table_lines

if TYPE_CHECKING:
    from ..running.cloudconfig_client import JsonObject

_INDENT = 10
_BAR = 30
_LINES = 3  # of a log, unless all are wanted


def node_lines(
    node: JsonObject, now: datetime, width: int | None, *, is_wide: bool = False, cluster: str | None = None
) -> list[Line]:
    """Return a machine as lines: state and reason, the next commands, what it is, and the length of each phase.

    Of what went wrong on it the last lines are shown; with `is_wide` all that it told. The commands say the `cluster`
    where it is given.
    """
    logs = [*_logs(node, width, None if is_wide else _LINES)]
    facts = [(), *_facts(node, now, width), (), *_timeline(node, now, width)]
    state = [*_state(node, now, width, cluster)]
    return [*state, *facts, *logs] if is_wide else [*state, *logs, *facts]


def _state(node: JsonObject, now: datetime, width: int | None, cluster: str | None) -> Iterator[Line]:
    from ..running.advice import state_in_words
    from ..running.pasted import pasted
    from ..running.status import failed_units_in_words

    yield Span(str(node["name"]), "bold"), Span(" "), phase_span(node["phase"]), Span(f" for {age(node['since'], now)}")
    outdated = node["config"] == "outdated" and "it runs an older config"
    reasons = [node["reason"], node["overdue"], failed_units_in_words(node), outdated]
    for said in [str(reason) for reason in reasons if reason] or [state_in_words(node)]:
        yield from _field("", told(said), width)
    title = "next"
    for step in node.get("next") or ():
        why = told(str(step["why"]))
        if step["command"]:
            yield Span(title.ljust(_INDENT)), Span(pasted(str(step["command"]), cluster), "bold")
            lines = [why] if width is None else folded(why, max(8, width - _INDENT - 2))
            yield from ((Span(" " * (_INDENT + 2)), Span(line)) for line in lines)
        else:
            yield from _field(title, why, width)
        title = ""


def _facts(node: JsonObject, now: datetime, width: int | None) -> Iterator[Line]:
    cards = ", ".join([str(node["mac"]), *node.get("more_macs", [])])
    yield from _field("machine", f"{cards}, {node['ip'] or 'no address yet'}, heard {_ago(node['heard'], now)}", width)
    joined = ", joined undeclared" if node["joined"] else ""
    yield from _field("roles", (", ".join(node["roles"]) or "none") + joined, width)
    yield from _field("config", f"{node['config']}, {'armed' if node['armed'] else 'not armed'}", width)
    if node.get("version"):
        yield from _field("OS", str(node["version"]), width)
    if (said := remark_of(node)) and said not in (wrong_with(node), "armed"):
        yield from _field("said", said, width)
    if node.get("install_disk"):
        yield from _field("installed", str(node["install_disk"]), width)
    disks, ports = disk_lines(node.get("disks") or []), card_lines(node.get("cards") or [])
    for title, lines in (("disks", disks), ("cards", ports), ("updates", _updates(node))):
        for line in lines:
            yield from _field(title, line, width)
            title = ""
    if node.get("ssh_host_keys"):
        yield from _field("ssh", f"{len(node['ssh_host_keys'])} host keys told; `-o yaml` has them", width)


def _timeline(node: JsonObject, now: datetime, width: int | None) -> list[Line]:
    """Return a row for each phase that the machine was in since its arming: when, and for how long."""
    steps = sorted(((moment(at), phase) for phase, at in node["phases"].items()), key=lambda step: step[0])
    if not steps:
        return []
    ends = [*(at for at, _ in steps[1:]), now]
    lengths = [(end - at).total_seconds() for (at, _), end in zip(steps, ends, strict=True)]
    longest = max(*lengths, 1.0)
    rows: list[list[Cell]] = [
        [
            phase_span(phase),
            f"{at:%Y-%m-%d %H:%M:%S}",
            length(seconds) + (" so far" if end is now else ""),
            "━" * round(_BAR * max(0.0, seconds) / longest),
        ]
        for (at, phase), end, seconds in zip(steps, ends, lengths, strict=True)
    ]
    columns = (Column("PHASE"), Column("SINCE (UTC)", spare=1), Column("FOR"), Column("", Way.FOLD, least=8, spare=2))
    return table_lines(Table(columns, rows), width, folds=False)


def _logs(node: JsonObject, width: int | None, most: int | None) -> Iterator[Line]:
    """Yield the end of the install that failed, then of each unit that did: the last `most` lines that it told."""
    for title, lines in told_logs(node):
        shown = lines if most is None else lines[-most:]
        more = f", the last {len(shown)} of {len(lines)} lines, `-o wide` has all" if len(shown) < len(lines) else ""
        said = f"{title}{more}:"
        yield ()
        for line in [said] if width is None else folded(said, width):
            yield (Span(line),)
        for line in shown:
            yield from _field("  ", line, width)


def told_logs(node: JsonObject) -> list[tuple[str, list[str]]]:
    """Return what a machine told of what went wrong on it: of which install or unit, and the lines."""
    install = [("the newest install that failed", node["install_log"])] if node.get("install_log") else []
    return [*install, *((f"{unit['name']} failed", unit["lines"]) for unit in node.get("failed_units") or ())]


def _updates(node: JsonObject) -> list[str]:
    update = node.get("update")
    return update_lines(update) if update else []


def _ago(stamp: str | None, now: datetime) -> str:
    return f"{age(stamp, now)} ago" if stamp else "never"


def _field(title: str, text: str, width: int | None) -> Iterator[Line]:
    lines = [text] if width is None else folded(text, max(8, width - _INDENT))
    for line in lines:
        yield Span(title.ljust(_INDENT)), Span(line)
        title = ""

"""A cluster's status as lines for people: `kboot status`, `kboot watch`, and the lab while it waits."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING

from kboot_clusterdesc import Phase

from ..host.told_commands import told
from ..running.trouble import INSTALLS, Severity, Trouble, by_need, is_well, phases_in_words, summary, troubles
from .ages import age, length, moment
from .tables import Cell, Column, Line, Span, Table, Way, folded, folded_line, shortened, table_lines

if TYPE_CHECKING:
    from ..running.cloudconfig_client import JsonObject
    from ..running.status import Status

_NODE_COLUMNS = (
    Column("NODE"),
    Column("MAC", spare=4),
    Column("ROLES", is_wide=True, way=Way.FOLD),
    Column("ADDRESS", spare=2),
    Column("PHASE"),
    Column("AGE"),
    Column("HEARD", spare=3),
    Column("CONFIG", spare=1),
    Column("VERSION", is_wide=True),
    Column("", Way.FOLD, least=28),
)
_BAD, _LATE, _OLD = "bold red", "yellow", "yellow"
_STYLES = {Severity.BAD: _BAD, Severity.LATE: _LATE, Severity.OLD: _OLD}
_PHASE_STYLES = {
    Phase.FAILED: _BAD,
    Phase.RUNNING: "green",
    Phase.READY: "green",
    Phase.WAITING: "dim",
    **dict.fromkeys((Phase.LEASED, *INSTALLS), "cyan"),
}
_INDENT = "  "
_FEW = 4  # rows of a table that says more than the counts above it
_LOW = 24  # rows of a window that has no room for what is neither wrong nor on its way


def status_lines(
    status: Status,
    now: datetime,
    width: int | None = None,
    height: int | None = None,
    *,
    most: int | None = None,
    is_wide: bool = False,
) -> list[Line]:
    """Return a status as lines, what is wrong first; machines that are well are counted where not all fit.

    With a height each line is one row of the window, and there are never more lines than that. `most` limits the lines
    of machines alone.
    """
    found = troubles(status)
    lines = [_headline(status, found), *_trouble_lines(found, now, width, height)]
    rest = _rest(status, now, width, height)
    if status.nodes:
        lines += [(), (Span(_counted(len(status.nodes), "machine")), Span(f": {phases_in_words(status.nodes)}"))]
        room = most if height is None else height - len(lines) - len(rest)
        if is_wide:
            lines += table_lines(node_table(status.nodes, now), width, wide=True)
        else:
            lines += _node_lines(status, now, width, room)
    lines += rest
    if height is None:
        return [part for line in lines for part in folded_line(line, width)]
    return [_one_row(line, width) for line in lines[:height]]


def node_table(nodes: Sequence[JsonObject], now: datetime) -> Table:
    """Return the table of machines."""
    rows: list[list[Cell]] = [_node_row(node, now) for node in nodes]
    return Table(_NODE_COLUMNS, rows)


def phase_span(phase: str) -> Span:
    """Return a phase in its colour."""
    return Span(phase, _PHASE_STYLES.get(Phase(phase), "") if phase in list(Phase) else "dim")


def disk_lines(disks: list[JsonObject]) -> list[str]:
    """Return a line for each disk as the newest install.sh saw it, the path by which a description names it first."""
    lines = []
    for disk in disks:
        named = f"{disk['id']} ({disk['name']})" if disk["id"] else disk["name"]
        serial = f"serial {disk['serial']}" if disk["serial"] else ""
        holds = f"held {disk['holds']}" if disk["holds"] else "was empty"
        size = f"{disk['size_bytes'] / 1e9:.1f} GB"
        lines.append(", ".join(part for part in (named, size, disk["model"], serial, holds) if part))
    return lines


def card_lines(cards: list[JsonObject]) -> list[str]:
    """Return a line for each network card that a machine told of, the MAC by which a description can name it first."""
    lines = []
    for card in cards:
        mbit = card["speed_mbit"]
        speed = "" if mbit is None else f" at {mbit / 1000:g} Gb/s" if mbit >= 1000 else f" at {mbit} Mb/s"
        link = "link not known" if card["link"] == "unknown" else f"link {card['link']}{speed}"
        lines.append(", ".join(part for part in (f"{card['mac']} ({card['name']})", link, card["driver"]) if part))
    return lines


def update_lines(update: JsonObject) -> list[str]:
    """Return what is known of a machine's updates: its last check, then a line for each step, newest first."""
    lines = [f"asked {update['checked']}, {update['reason'] or 'was offered a release'}"] if update["checked"] else []
    for step in reversed(update["steps"]):
        versions = " to ".join(filter(None, (step["from_version"], step["to_version"])))
        error = f": {step['error']}" if step["error"] else ""
        lines.append(f"{step['at']} {step['step']} {versions}{error}")
    return lines


def remark_of(node: JsonObject, *, in_short: bool = False) -> str:
    """Return what is to be said beside a machine: what is wrong, else how far it is, else what it said of its boot."""
    done, percent, share = node.get("bytes"), node.get("percent"), ""
    if percent is not None:
        share = f"writing {percent} %"
    elif done and node["phase"] in ("installing", "configured"):
        share = f"{int(str(done)) // 1_000_000} MB written"
    wrong = wrong_with(node, in_short=in_short)
    return str(wrong or share or node.get("remark") or ("armed" if node.get("armed") else ""))


def wrong_with(node: JsonObject, *, in_short: bool = False) -> str:
    """Return what is wrong with a machine, by its reason, its time and its units; empty where nothing is."""
    from ..running.status import failed_units_in_words

    said = (node.get("reason"), node.get("overdue"), failed_units_in_words(node, in_short=in_short))
    return told("; ".join(str(each) for each in said if each))


def trouble_lines(trouble: Trouble, now: datetime, width: int | None, *, is_short: bool = False) -> list[Line]:
    """Return a trouble and the command that leads on, folded to the width; in short as two lines."""
    text = told(f"({age(trouble.since, now)}) {trouble.what}" if trouble.since else trouble.what)
    room = None if width is None else max(8, width - len(_INDENT) - len(trouble.subject) - 1)
    said = [text] if room is None else [shortened(text, room)] if is_short else folded(text, room)
    first = (Span(_INDENT), Span(trouble.subject, _STYLES[trouble.severity]), Span(f" {said[0]}"))
    more = [(Span(f"{_INDENT}{' ' * (len(trouble.subject) + 1)}{line}"),) for line in said[1:]]
    return [first, *more, (Span(f"{_INDENT * 2}next: {trouble.next}", "bold"),)]


def _headline(status: Status, found: Sequence[Trouble]) -> Line:
    if found:
        worst = found[0].severity
        return Span(f"cluster {status.cluster}: "), Span(summary(found), _STYLES[worst])
    on_the_way = sum(node["phase"] in INSTALLS for node in status.nodes)
    well = f"all is well, {_counted(on_the_way, 'machine')} on the way" if on_the_way else "all is well"
    return Span(f"cluster {status.cluster}: "), Span(well, "green")


def _trouble_lines(found: Sequence[Trouble], now: datetime, width: int | None, height: int | None) -> list[Line]:
    is_short = height is not None
    room = len(found) if height is None else max(1, height // 6)
    lines = [line for trouble in found[:room] for line in trouble_lines(trouble, now, width, is_short=is_short)]
    if len(found) > room:
        lines.append((Span(f"{_INDENT}and more: {summary(found[room:])}"),))
    return lines


def _node_lines(status: Status, now: datetime, width: int | None, room: int | None) -> list[Line]:
    """Return the table of machines; those that do not fit the room are counted, the ones that are well first of all."""
    from ..running.pasted import pasted

    nodes = status.nodes
    if room is None or len(nodes) < room:
        return table_lines(node_table(nodes, now), width, folds=False)
    if room < _FEW:
        return []
    shown = [node for node in by_need(nodes) if not is_well(node) or node["phase"] in INSTALLS][: max(0, room - 2)]
    names = {node["mac"] for node in shown}
    left = [node for node in nodes if node["mac"] not in names]
    lines = table_lines(node_table(shown, now), width, folds=False) if shown else []
    all_of_them = pasted("kboot node list", status.to_name)
    return [*lines, (Span(f"and {len(left)} more: {phases_in_words(left)}; see `{all_of_them}`", "dim"),)]


def _node_row(node: JsonObject, now: datetime) -> list[Cell]:
    outdated = Span("outdated", _OLD)
    return [
        str(node["name"]),
        str(node.get("mac") or "-"),
        ", ".join(node.get("roles") or ()) or "-",
        str(node.get("ip") or "-"),
        phase_span(str(node["phase"])),
        age(node.get("since"), now),
        age(node.get("heard"), now),
        outdated if node.get("config") == "outdated" else str(node.get("config") or "-"),
        str(node.get("version") or "-"),
        Span(remark_of(node, in_short=True), _LATE if wrong_with(node) else ""),
    ]


def _rest(status: Status, now: datetime, width: int | None, height: int | None) -> list[Line]:
    """Return the lines on services, health, undeclared machines and the OS release."""
    from ..running.pasted import pasted
    from ..running.status import rollout_in_words

    lines: list[Line] = []
    up = [each for each in status.services if each.is_up]
    if status.services and len(up) == len(status.services):
        since = max(each.started or "" for each in up) or None
        lines = [(), (Span(f"services: {len(up)} of {len(up)} up, the newest for {age(since, now)}"),)]
    elif status.services:
        rows: list[list[Cell]] = [
            [
                each.name,
                Span(each.state, "" if each.is_up else _BAD),
                each.health if each.state == "running" else "-",
                age(each.started or each.ended, now),
            ]
            for each in status.services
        ]
        columns = [Column("SERVICE"), Column("STATE"), Column("HEALTH"), Column("AGE")]
        lines = [(), *table_lines(Table(columns, rows), width)]
    lines += [(Span(f"{part}: {words}"),) for part, words in status.health.in_words().items()]
    if height is not None and height < _LOW:
        return lines
    if status.discovered:
        found = ", ".join(str(each["mac"]) for each in status.discovered[:4])
        command = pasted("kboot discovered", status.to_name)
        lines.append((Span(f"undeclared: {found}; `{command}` has the lines to paste"),))
    if status.os:
        lines.append((Span(_release_in_words(status.os, now)),))
    if status.rollout and status.rollout["state"] in ("running", "paused"):  # of one that halted the trouble tells
        lines.append((Span(f"updates: {rollout_in_words(status.rollout)}"),))
    if height is None:
        lines.append((Span(f"autostart: {'on' if status.autostart else 'off'}", "dim"),))
    return lines


def _release_in_words(os: JsonObject, now: datetime) -> str:
    """Return the release in force, and when the updater looked and will look for one."""
    said = [f"OS: {os.get('channel')} {os.get('current') or 'none in force'}"]
    said += [f"looked for {age(os['checked'], now)} ago"] if os.get("checked") else []
    if next_check := os.get("next_check"):
        left_s = (moment(next_check) - now).total_seconds()
        said.append(f"next look in {length(left_s)}" if left_s > 0 else "next look due")
    return ", ".join(said)


def _one_row(line: Line, width: int | None) -> Line:
    """Return a line that is one row of the window."""
    if width is None or sum(len(span.text) for span in line) <= width:
        return line
    left, spans = width, []
    for span in line:
        text = shortened(span.text, left)
        spans.append(Span(text, span.style))
        left -= len(text)
    return tuple(spans)


def _counted(count: int, what: str) -> str:
    return f"{count} {what}{'' if count == 1 else 's'}"

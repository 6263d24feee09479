"""`kboot events`: what happened to machines and services, and what happens."""

from __future__ import annotations

import argparse
import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from ..errors import BadInput, ExitCode
from .options import Commands, add_cluster, add_command, add_listing, form_of, print_listing

if TYPE_CHECKING:
    from ..running.cloudconfig_client import CloudConfigClient, JsonObject
    from .tables import Line, Span, Table

_ALWAYS = ("number", "at", "kind", "mac", "ip")


def register(commands: Commands) -> None:
    """Add `kboot events` to the command line."""
    parser = add_command(
        commands,
        "events",
        run_events,
        summary="list what happened to machines, the newest at the end; with -f what happens, as it does",
        example="kboot events -f --node node1\n  kboot events --kind failed --kind refused",
    )
    parser.add_argument("-f", "--follow", action="store_true", help="go on as events come, until interrupted")
    parser.add_argument("--node", metavar="NAME", help="of this machine alone: its name, or any machine's MAC")
    parser.add_argument(
        "--kind",
        action="append",
        default=[],
        metavar="KIND",
        help="such as failed, refused, release; may be given again",
    )
    parser.add_argument("--all", action="store_true", help="all that is kept, not the last hundred")
    add_listing(parser)
    add_cluster(parser)


def run_events(arguments: argparse.Namespace) -> ExitCode:
    """List the events of a cluster, or follow them."""
    from kboot_clusterdesc import EventKind, Phase

    from ..running.chosen import chosen_cluster, description_in_force
    from ..running.cloudconfig_client import CloudConfigClient
    from ..running.event_feed import events_so_far
    from .parser import nearest

    known = [*map(str, Phase), *map(str, EventKind)]
    for kind in arguments.kind:
        if kind not in known:
            near = nearest(kind, known)
            meant = f"did you mean `{near}`? " if near else ""
            raise BadInput(f"`{kind}` is not a kind of event", f"{meant}one of {', '.join(known)}")
    folder = chosen_cluster(arguments.root, arguments.cluster)
    server = CloudConfigClient(folder, description_in_force(folder))
    machines = server.nodes()
    names = {mac: str(node["name"]) for node in machines for mac in (node["mac"], *node.get("more_macs", ()))}
    mac = _mac_of(arguments.node, machines) if arguments.node else None
    if arguments.follow:
        _follow(arguments, server, mac, names)
        return ExitCode.DONE
    found = events_so_far(server, arguments.kind, mac, from_first=arguments.all or bool(mac or arguments.kind))
    print_listing(
        arguments, found, event_table(found, names, datetime.now(UTC)), (str(each["number"]) for each in found)
    )
    return ExitCode.DONE


def event_table(events: Sequence[JsonObject], names: Mapping[str, str], now: datetime) -> Table:
    """Return the table of events."""
    from .ages import age
    from .tables import Cell, Column, Table, Way

    columns = (
        Column("NUMBER", is_wide=True),
        Column("AT", is_wide=True),
        Column("AGE"),
        Column("NODE", Way.MIDDLE),
        Column("MAC", is_wide=True),
        Column("ADDRESS", spare=1),
        Column("EVENT"),
        Column("", Way.FOLD, least=24),
    )
    rows: list[list[Cell]] = [
        [
            str(each["number"]),
            str(each["at"]),
            age(each["at"], now),
            names.get(str(each["mac"]), str(each["mac"] or "-")),
            str(each["mac"] or "-"),
            str(each["ip"] or "-"),
            _kind_span(each["kind"]),
            detail_of(each),
        ]
        for each in events
    ]
    return Table(columns, rows)


def detail_of(event: JsonObject) -> str:
    """Return what an event tells beside its kind and machine, in words."""
    said = {key: value for key, value in event.items() if key not in _ALWAYS and value not in (None, "")}
    first = [str(said.pop(key)) for key in ("what", "reason", "detail") if key in said]
    first += [f"by {said.pop('by')}"] if "by" in said else []
    return " ".join([*first, *(f"{key}={value}" for key, value in said.items())])


def _follow(
    arguments: argparse.Namespace, server: CloudConfigClient, mac: str | None, names: Mapping[str, str]
) -> None:
    from ..running.event_feed import followed_events
    from .printing import painter

    paint, form = painter(), form_of(arguments)
    for event in followed_events(server, arguments.kind, mac):
        if form in ("json", "yaml"):
            print(json.dumps(event, ensure_ascii=False), flush=True)
        elif form == "name":
            print(event["number"], flush=True)
        else:
            print(paint(event_line(event, names)), flush=True)


def event_line(event: JsonObject, names: Mapping[str, str]) -> Line:
    """Return an event as a line with the time of this machine's clock."""
    from .ages import moment
    from .tables import Span

    at = f"{moment(event['at']).astimezone():%m-%d %H:%M:%S}"
    name = names.get(str(event["mac"]), str(event["mac"] or "-"))
    kind = _kind_span(event["kind"])
    return Span(f"{at}  {name:<12}  "), kind._replace(text=f"{kind.text:<12}"), Span(f"  {detail_of(event)}".rstrip())


def _kind_span(kind: str) -> Span:
    from kboot_clusterdesc import EventKind

    from .status_text import phase_span
    from .tables import Span

    return (
        Span(kind, "yellow")
        if kind in (EventKind.REFUSED, EventKind.STATE_LOST)
        else phase_span(kind)._replace(text=kind)
    )


def _mac_of(name: str, machines: Sequence[JsonObject]) -> str:
    """Return the MAC of a node by its name, or of any machine by its MAC in any spelling."""
    from kboot_clusterdesc import Mac

    from ..running.chosen import node_named

    try:
        return str(Mac(name))
    except ValueError:
        return str(node_named(list(machines), name)["mac"])

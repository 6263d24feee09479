"""The part of updates: once a minute each machine's update client asks for a release, and its agent what to do."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from .figures import Figure, Part, figure_of
from .load import paced, quietest
from .network import machine_address
from .paced import Sent
from .processes import Clock, cpu_s, with_children
from .rack import RELEASE, mac_of
from .servers import NGINX, Server
from .session import Session, say

_MINUTE_S = 60.0
_STATIC = "/update.xml"  # nginx has the answer of the product as a file
_OS_APP = "{e96281a6-d1af-4bde-9a0a-97b76e56dc57}"


@dataclass(frozen=True, slots=True)
class Case:
    """One kind of question, and who asks it of the product at `folder` or of nginx, which has no folder."""

    name: str
    tls: bool
    requests: Callable[[int, Path | None], list[Sent]]


def checks(machines: int, folder: Path | None) -> list[Sent]:
    """Return the update checks of all machines, in the form of update_engine."""
    path = "/v1/update/" if folder else _STATIC
    headers = {"Content-Type": "text/xml"}
    return [Sent(str(machine_address(each)), path, check(each), headers) for each in range(1, machines + 1)]


def check(machine: int) -> str:
    """Return the body of one machine's update check."""
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        '<request protocol="3.0" version="update_engine-0.4.10" installsource="scheduler" ismachine="1">'
        f'<os version="Chateau" platform="CoreOS" sp="{RELEASE}_x86_64"></os>'
        f'<app appid="{_OS_APP}" version="{RELEASE}" track="stable" machineid="{machine:032x}" board="amd64-usr">'
        '<ping active="1"></ping><updatecheck></updatecheck>'
        '<event eventtype="3" eventresult="2" previousversion=""></event></app></request>\n'
    )


def words(machines: int, folder: Path | None) -> list[Sent]:
    """Return the words of all machines' agents, each with its own token; nginx asks for none."""
    return [_word(each, folder) for each in range(1, machines + 1)]


def _word(machine: int, folder: Path | None) -> Sent:
    dashed = mac_of(machine).replace(":", "-")
    token = (folder / "nodes" / dashed / "report-token").read_text().strip() if folder else ""
    headers = {"Content-Type": "application/json", "Authorization": f"Bearer {token}"}
    boot = f"00000000-0000-4000-8000-{machine:012x}"
    body = f'{{"state": "idle", "version": "{RELEASE}", "boot": "{boot}"}}'
    return Sent(str(machine_address(machine)), f"/v1/nodes/{dashed}/update", body, headers)


_ASKING = (Case("update check", False, checks), Case("word of an agent, TLS", True, words))


def updates(session: Session, machines: int) -> Part:
    """Measure what a server takes, and how long machines wait, while all of them ask once a minute."""
    figures: list[Figure] = []
    with session.standing(machines) as standing:
        folders = {product.name: product.folder for product in standing.products}
        source = standing.products[0]
        source.wake()
        standing.nginx.put(_STATIC, source.get("/v1/update/", method="POST", body=check(1)))
        source.rest()
        for case in _ASKING:
            say(f"  {case.name}")
            found: dict[str, dict[str, float]] = {}
            for server in standing.servers:
                server.wake()
                requests = case.requests(machines, folders.get(server.name))
                found[server.name] = quietest(lambda s=server, r=requests, c=case: _minute(s, r, tls=c.tls))  # type: ignore[misc]
                server.rest()
            for key, name, unit in (
                ("share", "CPU of the server", "% of one"),
                ("p50", "p50", "ms"),
                ("p99", "p99", "ms"),
                ("most", "longest", "ms"),
            ):
                of_each = {server: window[key] for server, window in found.items()}
                base = NGINX if key in ("p50", "p99") else ""
                figures.append(figure_of(f"{case.name}: {name}", unit, [of_each], base=base))
    method = (
        f"Each of {machines:,} machines asks once within a minute, from its own address over a connection of its own;"
        " one minute each. No rollout is under way, so all are told that there is nothing. nginx has that answer as a"
        " file, and answers agents with 204. Waits are counted from when a request was due."
    )
    return Part("updates", f"Updates, {machines:,} machines that ask once a minute", method, tuple(figures))


def _minute(server: Server, requests: Sequence[Sent], *, tls: bool) -> dict[str, float]:
    pids = with_children([server.pid])
    clock, before_s = Clock(pids), cpu_s(pids)
    found = paced(server, requests, _MINUTE_S, tls=tls)
    used_s, taken = cpu_s(pids) - before_s, clock.taken()
    return {**found, "share": 100 * used_s / taken.seconds, "foreign": taken.foreign}

"""The part of small requests: boot script, install.sh, node config, reports; nginx has the same bytes as files."""

from __future__ import annotations

from dataclasses import dataclass

from .figures import Figure, Part
from .load import Request, asked
from .rack import found_in, mac_of
from .servers import Nginx, Product, Server
from .session import Session, Standing, Window, column, say

_DASHED = mac_of(1).replace(":", "-")
_CONFIG = f"/ignition/{_DASHED}.json"
_BOOT, _INSTALLER, _REPORTS = f"/boot/{_DASHED}.ipxe", f"/install.sh?mac={_DASHED}", f"/v1/nodes/{_DASHED}/events"


@dataclass(frozen=True, slots=True)
class Case:
    """One kind of request, and what is wanted of it."""

    name: str
    path: str
    tls: bool = False
    is_kept: bool = True  # the connection
    is_report: bool = False
    wanted: str = ""


_KINDS = (
    Case("health check", "/healthz"),
    Case("boot script", _BOOT, wanted=">= 0.1"),
    Case("install.sh", _INSTALLER),
    Case("node config, kept TLS connection", _CONFIG, tls=True, wanted=">= 0.15"),
    Case("node config, a new TLS connection each", _CONFIG, tls=True, is_kept=False),
    Case("report, kept TLS connection", _REPORTS, tls=True, is_report=True),
)
_tokens: dict[str, str] = {}  # the newest install token of machine 1, by server


def prepare(standing: Standing, server: Server) -> None:
    """Have machine 1, which this process is, fetch boot script and install.sh; nginx is given what they were."""
    if isinstance(server, Nginx):
        source = standing.products[0]
        source.wake()
        token = _fresh_token(source)
        for path in ("/healthz", _BOOT, _INSTALLER):
            server.put(path.partition("?")[0], source.get(path))
        token = _fresh_token(source)
        server.put(_CONFIG, source.get_tls(_CONFIG, token))
        source.rest()
        _tokens[server.name] = token
    elif isinstance(server, Product):
        _tokens[server.name] = _fresh_token(server)


def config_request(standing: Standing, server: Server) -> Request:
    """Return the request of machine 1 for its node config."""
    return Request(_CONFIG, tls=True, headers={"Authorization": f"Bearer {_tokens[server.name]}"})


def _fresh_token(server: Server) -> str:
    server.get(_BOOT)
    token = found_in(r"^KBOOT_TOKEN='?([A-Za-z0-9_-]+)", server.get(_INSTALLER).decode())
    if not token:
        raise SystemExit(f"{server.name}: install.sh came without a token")
    return token


def small(session: Session, machines: int) -> Part:
    """Measure requests a second, CPU for each, and waiting times, of small requests by 32 connections."""
    figures: list[Figure] = []
    with session.standing(machines) as standing:
        for case in _KINDS:
            say(f"  {case.name}")

            def measure(server: Server, case: Case = case) -> Window:
                prepare(standing, server)
                return asked(server, _request(case, server), seconds=session.seconds)

            rounds = standing.in_turns(measure)
            figures += [
                column(rounds, "rate", f"{case.name}: requests a second", "1/s", wanted=case.wanted),
                column(rounds, "cpu_us", f"{case.name}: CPU for each", "us"),
                column(rounds, "p99", f"{case.name}: p99 at that load", "ms"),
            ]
    method = (
        f"32 connections of wrk from the address of one of {machines} declared machines, windows of {session.seconds}"
        " s. nginx has the same bytes as files, and answers reports with 204 and keeps none. CPU is that of server,"
        " client and kernel together."
    )
    return Part("small", f"Small requests, {machines} machines", method, tuple(figures))


def _request(case: Case, server: Server) -> Request:
    headers = {"Authorization": f"Bearer {_tokens[server.name]}"} if case.tls else {}
    if not case.is_kept:
        headers["Connection"] = "close"
    if case.is_report:
        body = '{"phase": "installing", "bytes": %d, "total": 4000000000}'  # each is a change to keep
        return Request(
            case.path, tls=True, method="POST", headers=headers | {"Content-Type": "application/json"}, body=body
        )
    return Request(case.path, tls=case.tls, headers=headers)

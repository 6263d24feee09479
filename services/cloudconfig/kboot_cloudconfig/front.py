"""Answers what a rack asks most before a route is looked for: by the same functions, so by the same guards."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from fastapi import Request
from fastapi.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from . import boot_script, events, installer, node_config
from .caller import mac_of, token_of
from .fleet import Fleet
from .kept_answers import KeptAnswers
from .problem import ProblemError, problem
from .report_tokens import reporter_of
from .request_log import RequestLog

_Answer = Callable[[Request, Fleet, str], Awaitable[Response]]


async def _boot_script(request: Request, fleet: Fleet, mac: str) -> Response:
    return await boot_script.boot_script(request, fleet, fleet.identity(mac_of(mac)))


async def _ignition(request: Request, fleet: Fleet, mac: str) -> Response:
    return await node_config.ignition(request, fleet, fleet.identity(mac_of(mac)))


async def _cloud_config(request: Request, fleet: Fleet, mac: str) -> Response:
    return await node_config.cloud_config(request, fleet, fleet.identity(mac_of(mac)))


async def _report(request: Request, fleet: Fleet, mac: str) -> Response:
    return await events.take_report(request, fleet, reporter_of(fleet, mac_of(mac), token_of(request)))


# Methods, what a path begins and ends with, and who answers; between them stands a MAC.
_FREQUENT: tuple[tuple[tuple[str, ...], str, str, _Answer], ...] = (
    (("GET", "HEAD"), "/boot/", ".ipxe", _boot_script),
    (("GET",), "/ignition/", ".json", _ignition),
    (("GET",), "/cloud-configs/", ".yaml", _cloud_config),
    (("POST",), "/v1/nodes/", "/events", _report),
)


_FOUND = "kboot.found"  # in a request's scope: what `_found` returned


class Front:
    """Stands before the application. What it does not know goes on to that, which knows all that it knows, too.

    Its answers pass the layers that are ours alone: those of FastAPI and Starlette take longer than the answer.
    """

    def __init__(self, app: ASGIApp, fleet: Fleet) -> None:
        self._app, self._fleet = app, fleet
        self._frequent = RequestLog(KeptAnswers(self._answered, fleet.store.commits), fleet.observed)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request (ASGI)."""
        found = _found(scope) if scope["type"] == "http" else None
        if found is None:
            await self._app(scope, receive, send)
        else:
            scope[_FOUND] = found
            await self._frequent(scope, receive, send)

    async def _answered(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive)
        try:
            response = await self._answer(request, *scope[_FOUND])
        except ProblemError as fault:
            response = problem(fault.status, fault.detail)
        await response(scope, receive, send)

    async def _answer(self, request: Request, answer: _Answer | None, mac: str) -> Response:
        if answer is not None:
            return await answer(request, self._fleet, mac)
        asked = request.query_params
        return await installer.install_sh(request, self._fleet, asked.get("mac"), asked.get("boot"))


def _found(scope: Scope) -> tuple[_Answer | None, str] | None:
    """Return who answers and the MAC in the path, as it stands there; None for what is asked less often."""
    method, path = scope["method"], scope["path"]
    if path == "/install.sh" and method in ("GET", "HEAD"):
        return None, ""
    for methods, begin, end, answer in _FREQUENT:
        if method in methods and path.startswith(begin) and path.endswith(end):
            mac = path[len(begin) : -len(end)]
            return (answer, mac) if mac and "/" not in mac else None
    return None

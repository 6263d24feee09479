"""Logs each request in one line, with the id that its answer has too; turns a fault of the server into an answer."""

from __future__ import annotations

import re
import traceback

from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from .log import LogLevel, log
from .observed import Observed
from .problem import problem
from .request_id import HEADER, begin_request

# What is asked again and again, by health checks, by agents and scripts of ours on machines.
_POLLED = re.compile(r"/healthz|/readyz|/v1/labels|/v1/joining|/v1/releases|/v1/nodes/[^/]+/update")
_POLLED_BY_US = re.compile(r"/v1/nodes(/[^/]+)?|/v1/events|/v1/rollout")
_OURS = b"kboot/"  # how the User-Agent of the launcher begins


class RequestLog:
    """The outermost layer of the application. Paths are logged without their query, which may hold a token."""

    def __init__(self, app: ASGIApp, observed: Observed) -> None:
        self._app, self._observed = app, observed

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request (ASGI)."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        number = begin_request(scope["headers"])
        status = 0

        async def noting(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                headers = message.get("headers", ())
                size = next((int(value) for name, value in headers if name == b"content-length"), 0)
                self._observed.note_answer(scope["path"], status, 0 if scope["method"] == "HEAD" else size)
                message["headers"] = [*headers, (HEADER, number.encode())]
            await send(message)

        try:
            await self._app(scope, receive, noting)
        except ClientDisconnect:  # before its request was whole
            pass
        except Exception:
            log("fault", LogLevel.ERROR, request_id=number, path=scope["path"], trace=traceback.format_exc(limit=-8))
            if status:
                raise  # half an answer is sent, so the connection has to break
            await problem(500, f"a fault of the server, see request {number} in its log")(scope, receive, noting)
        ip = (scope.get("client") or ("-",))[0]
        shown = {key: scope[key] for key in ("scheme", "method", "path")}
        log("request", level_of(scope, status), request_id=number, ip=ip, status=status or None, **shown)


def level_of(scope: Scope, status: int) -> LogLevel:
    """Return how much the line of a request matters that was answered with `status`; 0 where nothing was."""
    if status >= 500:
        return LogLevel.WARNING if status == 503 else LogLevel.ERROR
    if status >= 400:
        return LogLevel.INFO
    path = scope["path"]
    if _POLLED.fullmatch(path):
        return LogLevel.DEBUG
    if scope["method"] == "GET" and _POLLED_BY_US.fullmatch(path) and _is_ours(scope):
        return LogLevel.DEBUG
    return LogLevel.INFO


def _is_ours(scope: Scope) -> bool:
    """Return whether the launcher says that it asks; anybody may, so nothing that matters hangs on it."""
    return any(name == b"user-agent" and value.startswith(_OURS) for name, value in scope["headers"])

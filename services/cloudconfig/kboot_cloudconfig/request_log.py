"""Logs each request in one line, and turns a fault of the server into an answer."""

from __future__ import annotations

import traceback
import uuid

from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from .log import log
from .observed import Observed
from .problem import problem

_QUIET = ("/healthz", "/readyz")  # asked every few seconds by the health check


class RequestLog:
    """The outermost layer of the application. Paths are logged without their query, which may hold a token."""

    def __init__(self, app: ASGIApp, observed: Observed) -> None:
        self._app, self._observed = app, observed

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request (ASGI)."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        status = 0

        async def noting(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                size = dict(message.get("headers", ())).get(b"content-length", b"0")
                self._observed.note_answer(scope["path"], status, 0 if scope["method"] == "HEAD" else int(size))
            await send(message)

        try:
            await self._app(scope, receive, noting)
        except ClientDisconnect:  # before its request was whole
            pass
        except Exception:
            number = uuid.uuid4().hex[:12]
            log("fault", request=number, path=scope["path"], trace=traceback.format_exc(limit=-8))
            if status:
                raise  # half an answer is sent, so the connection has to break
            await problem(500, f"a fault of the server, see request {number} in its log")(scope, receive, noting)
        if scope["path"] not in _QUIET or status >= 400:
            ip = (scope.get("client") or ("-",))[0]
            shown = {key: scope[key] for key in ("scheme", "method", "path")}
            log("request", ip=ip, status=status or None, **shown)

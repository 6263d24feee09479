"""Holds each answer back until what its request changed is on the disk: what was acknowledged is never lost."""

from __future__ import annotations

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from .commits import Commits


class KeptAnswers:
    """A layer of the application. A request that changes nothing waits for nobody, unless others change meanwhile."""

    def __init__(self, app: ASGIApp, commits: Commits) -> None:
        self._app, self._commits = app, commits

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request (ASGI)."""
        before = self._commits.made

        async def sending(message: Message) -> None:
            if message["type"] == "http.response.start" and self._commits.made != before:
                await self._commits.kept(before)
            await send(message)

        await self._app(scope, receive, sending)

"""Answers with a file or a part of it: sent by the kernel where the connection can, else copied in pieces."""

from __future__ import annotations

import os
import re
from contextlib import ExitStack

from fastapi.responses import FileResponse
from starlette.datastructures import Headers
from starlette.types import Message, Receive, Scope, Send

from .body_queue import FREE_BYTES, PIECE_BYTES, BodyQueue, Place
from .http_connection import SENDS_FILES
from .problem import problem

_PART = re.compile(r"bytes (\d+)-(\d+)/\d+")  # a Content-Range


class FilePartResponse(FileResponse):
    """A file, or the part of it that was asked for: an OS image has hundreds of megabytes, and a rack asks at once."""

    chunk_size = PIECE_BYTES

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request (ASGI)."""
        start = await self._start(scope, receive)
        if start["status"] == 400:  # of `Range`, which is to be ignored where nobody understands it (RFC 9110, 14.2)
            scope = {**scope, "headers": [each for each in scope["headers"] if each[0] != b"range"]}
            start = await self._start(scope, receive)
        if start["status"] == 416:
            headers = {"content-range": Headers(raw=start["headers"])["content-range"]}
            await problem(416, "the file has no such part", headers)(scope, receive, send)
        elif scope["method"] == "HEAD":
            await super().__call__(scope, receive, send)
        elif SENDS_FILES in scope.get("extensions", {}) and (part := _part(start)) is not None:
            await self._send_part(part, start, scope, send)
        else:
            await self._send_pieces(scope, receive, send)

    async def _start(self, scope: Scope, receive: Receive) -> Message:
        """Return how the answer to the same request as a HEAD begins: which part was asked for, and whether it is."""
        told: list[Message] = []

        async def tell(message: Message) -> None:
            told.append(message)

        await super().__call__({**scope, "method": "HEAD"}, receive, tell)
        return told[0]

    async def _send_part(self, part: range, start: Message, scope: Scope, send: Send) -> None:
        with ExitStack() as ours:
            file = os.open(self.path, os.O_RDONLY | os.O_CLOEXEC)
            ours.callback(os.close, file)
            body = _at_hand(file, part)
            await send(start)
            if body is None:
                ours.pop_all()
                await scope["extensions"][SENDS_FILES](file, part)
        await send({"type": "http.response.body", "body": body or b""})

    async def _send_pieces(self, scope: Scope, receive: Receive, send: Send) -> None:
        queue: BodyQueue = scope["app"].state.body_queue
        place = Place(queue, (scope.get("client") or ("",))[0], send)
        try:
            await super().__call__(scope, receive, place.send)
        finally:
            place.give_up()


def _part(start: Message) -> range | None:
    """Return which bytes of the file the answer has that begins with `start`; None for several parts."""
    headers = Headers(raw=start["headers"])
    if start["status"] == 200:
        return range(int(headers["content-length"]))
    found = _PART.fullmatch(headers.get("content-range", ""))
    return range(int(found[1]), int(found[2]) + 1) if found else None


def _at_hand(file: int, part: range) -> bytes | None:
    """Return a small part of a file where no disk has to be waited for, else None."""
    if len(part) > FREE_BYTES:
        return None
    body = bytearray(len(part))
    try:
        return bytes(body) if os.preadv(file, [body], part.start, os.RWF_NOWAIT) == len(part) else None
    except OSError:  # not in memory, or not to be asked for on this file system
        return None

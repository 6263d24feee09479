"""Serves files of a folder, OS images, assets and the CA, with Range, HEAD and ETag, and nothing outside of it."""

from __future__ import annotations

from pathlib import Path

from fastapi import Request
from fastapi.responses import FileResponse, Response
from starlette.types import Receive, Scope, Send

from .body_queue import PIECE_BYTES, BodyQueue, Place
from .problem import ProblemError


class PiecewiseResponse(FileResponse):
    """A file in pieces, each in its turn: an OS image has hundreds of megabytes, and a rack asks for it at once."""

    chunk_size = PIECE_BYTES

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request (ASGI)."""
        if scope["method"] == "HEAD":
            await super().__call__(scope, receive, send)
            return
        queue: BodyQueue = scope["app"].state.body_queue
        place = Place(queue, (scope.get("client") or ("",))[0], send)
        try:
            await super().__call__(scope, receive, place.send)
        finally:
            place.give_up()


def file_response(request: Request, root: Path, path: str) -> Response:
    """Return the file at `path` below `root`, or 304 where the caller has it already."""
    found = _file_below(root, path)
    stat = found.stat()
    etag = f'"{stat.st_mtime_ns:x}-{stat.st_size:x}"'
    if request.headers.get("if-none-match") == etag:
        return Response(status_code=304, headers={"etag": etag})
    return PiecewiseResponse(found, media_type="application/octet-stream", stat_result=stat, headers={"etag": etag})


def _file_below(root: Path, path: str) -> Path:
    """Return the file at `path` below `root`; anything that leaves `root`, also by a link, is 404."""
    try:
        found = (root / path.lstrip("/")).resolve()
        if found.is_relative_to(root.resolve()) and found.is_file():
            return found
    except (OSError, ValueError):  # a name too long, a NUL, a loop of links
        pass
    raise ProblemError(404, "no such file")

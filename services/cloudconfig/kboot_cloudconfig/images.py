"""OS images and assets: files below one folder, with Range, HEAD and ETag, and nothing outside of it."""

from __future__ import annotations

from pathlib import Path

from fastapi import Request
from fastapi.responses import FileResponse, Response
from starlette.types import Receive, Scope, Send

from .body_queue import PIECE_BYTES, BodyQueue, Place
from .problem import ProblemError


class ImageResponse(FileResponse):
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


def file_below(root: Path, path: str) -> Path:
    """The file at `path` below `root`; anything that leaves `root`, also by a link, is 404."""
    try:
        found = (root / path.lstrip("/")).resolve()
        if found.is_relative_to(root.resolve()) and found.is_file():
            return found
    except (OSError, ValueError):  # a name too long, a NUL, a loop of links
        pass
    raise ProblemError(404, "no such file")


def file_response(request: Request, path: Path) -> Response:
    """The file, or 304 where the caller has it already."""
    stat = path.stat()
    etag = f'"{stat.st_mtime_ns:x}-{stat.st_size:x}"'
    if request.headers.get("if-none-match") == etag:
        return Response(status_code=304, headers={"etag": etag})
    return ImageResponse(path, media_type="application/octet-stream", stat_result=stat, headers={"etag": etag})

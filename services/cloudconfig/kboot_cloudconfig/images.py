"""OS images and assets: files below one folder, with Range, HEAD and ETag, and nothing outside of it."""

from __future__ import annotations

from pathlib import Path

from fastapi import Request
from fastapi.responses import FileResponse, Response

from .problem import ProblemError


class ImageResponse(FileResponse):
    """A file in large chunks: an OS image has hundreds of megabytes."""

    chunk_size = 1 << 20


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

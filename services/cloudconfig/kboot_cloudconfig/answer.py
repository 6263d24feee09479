"""Makes answers that no cache may keep: they hold a secret, or change with the machine's state."""

from __future__ import annotations

from fastapi.responses import Response

NEVER_KEPT = {"cache-control": "no-store"}


def fresh(content: str | bytes, media_type: str = "text/plain") -> Response:
    """Return an answer with `content` that no cache keeps."""
    return Response(content, media_type=media_type, headers=NEVER_KEPT)

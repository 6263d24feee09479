"""Faults as problem details (RFC 9457)."""

from __future__ import annotations

from http import HTTPStatus

from fastapi.responses import JSONResponse

from .request_id import request_id


class ProblemError(Exception):
    """An answer that is a fault; raised anywhere below the route table."""

    def __init__(self, status: int, detail: str) -> None:
        super().__init__(detail)
        self.status = status
        self.detail = detail


def problem(status: int, detail: str, headers: dict[str, str] | None = None) -> JSONResponse:
    """Return the answer for a fault."""
    body = {"type": "about:blank", "title": HTTPStatus(status).phrase, "status": status, "detail": detail}
    if number := request_id():
        body["request_id"] = number
    return JSONResponse(
        body, status, {"Cache-Control": "no-store", **(headers or {})}, media_type="application/problem+json"
    )

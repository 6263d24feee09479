"""The answers of the page: whole for a browser that begins, its main part alone for one that keeps it fresh."""

from __future__ import annotations

from collections.abc import Callable
from hashlib import blake2b
from importlib.resources import files
from typing import Any

from fastapi import Request
from fastapi.responses import Response
from jinja2 import Environment, PackageLoader, StrictUndefined

from ..answer import NEVER_KEPT, fresh
from ..event import KINDS, rfc3339
from ..fleet import Fleet
from ..own_name import is_own_name
from ..problem import ProblemError
from .prose import parts_of
from .session import session_of

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; "
    "base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
)
_SAFE = {"content-security-policy": POLICY, "x-content-type-options": "nosniff", "referrer-policy": "no-referrer"}
_TYPES = {"js": "text/javascript", "css": "text/css"}
_MAIN_ALONE = "x-kboot-main"  # a header of the script's own requests


def _digest(content: bytes) -> str:
    return blake2b(content, digest_size=8).hexdigest()


_FOLDER = files("kboot_cloudconfig.page") / "files"
_CONTENT = {name: (_FOLDER / name).read_bytes() for name in ("page.js", "page.css")}
_NAMES = {name: f"{_digest(content)}-{name}" for name, content in _CONTENT.items()}

_LATELY: dict[tuple[str, str], str] = {}  # main parts that were rendered lately: who watches asks for the same one
_LATELY_KEPT = 8

PAGES = Environment(
    loader=PackageLoader("kboot_cloudconfig.page", "templates"),
    autoescape=True,
    auto_reload=False,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)
PAGES.filters["stamp"] = rfc3339
PAGES.filters["parts_of"] = parts_of
PAGES.globals["kinds_told"] = KINDS
PAGES.globals["script"] = f"/page/{_NAMES['page.js']}"
PAGES.globals["sheet"] = f"/page/{_NAMES['page.css']}"


async def own_file(name: str) -> Response:
    """Serve the script or the style sheet, each under a name that is new when its content is."""
    for plain, named in _NAMES.items():
        if name == named:
            headers = {**_SAFE, "cache-control": "public, max-age=31536000, immutable"}
            return Response(_CONTENT[plain], media_type=_TYPES[plain.rpartition(".")[2]], headers=headers)
    raise ProblemError(404, "no such file")


def page(
    request: Request,
    template: str,
    values: Callable[[], dict[str, Any]],
    key: object = None,
    status: int = 200,
) -> Response:
    """Answer with a page of what `values` returns; 304 where who keeps it fresh has it as it is.

    `key` stands for all that the page shows: where it is the same, nothing is rendered again. A part of it may be one
    that this browser keeps, by what it says in the header; what is made for it lacks that part.
    """
    keeps, session = kept_by(request), session_of(request)
    is_main, has = _MAIN_ALONE in request.headers, request.headers.get("if-none-match")
    etag = "" if key is None else f'"{_digest(repr((template, key, session)).encode())}"'
    if is_main and etag and has == etag:
        return Response(status_code=304, headers={"etag": etag})
    shown = {**values(), "session": session} if (etag, keeps) not in _LATELY or not is_main else {}
    main = _LATELY.get((etag, keeps)) or PAGES.get_template(template).render(shown)
    if not etag:
        etag = f'"{_digest(main.encode())}"'
        if is_main and has == etag:
            return Response(status_code=304, headers={"etag": etag})
    else:
        _LATELY[etag, keeps] = main
        for old in list(_LATELY)[:-_LATELY_KEPT]:
            del _LATELY[old]
    text = main if is_main else _whole(request, main, etag, shown)
    answer = fresh(text, "text/html")
    answer.status_code = status
    answer.headers.update({**_SAFE, "etag": etag})
    return answer


def problem_page(request: Request, fault: ProblemError) -> Response | None:
    """Return the answer for a fault of what a browser asked for; None where it is not for a person to read."""
    is_read = "text/html" in request.headers.get("accept", "")
    if not is_read or fault.status in (421, 503):
        return None
    fleet: Fleet = request.app.state.fleet
    try:
        desc = fleet.desc()
    except ProblemError:  # no description yet, so there is no page
        return None
    if not is_own_name(request.headers.get("host") or "", desc):
        return None
    title = "Not done" if request.method == "POST" else "Not found"
    values = {"title": title, "here": "", "state": {"cluster": desc.cluster.name}, "detail": fault.detail}
    return page(request, "problem.html.j2", lambda: values, status=fault.status)


def go_to(path: str) -> Response:
    """Answer to a form, or to another name of a page: go on to the one at `path`."""
    return Response(status_code=303, headers={**_SAFE, **NEVER_KEPT, "location": path})


def kept_by(request: Request) -> str:
    """Return what a browser says that it keeps of a page, the racks as they were; empty for one that begins."""
    return request.headers.get(_MAIN_ALONE, "")[:40]


def is_other_look(request: Request) -> bool:
    """Return whether the script of a page asks for another look at what it shows, not for what is new of this one.

    It asks for that right after.
    """
    return _MAIN_ALONE in request.headers and "if-none-match" not in request.headers


def _whole(request: Request, main: str, etag: str, shown: dict[str, Any]) -> str:
    fleet: Fleet = request.app.state.fleet
    newest = fleet.store.newest_number()
    return PAGES.get_template("page.html.j2").render(shown, main=main, etag=etag, newest=newest)

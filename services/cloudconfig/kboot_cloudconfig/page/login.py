"""Logging in to the page and out: a code that the operator token is given becomes the cookie of one browser."""

from __future__ import annotations

import secrets
from typing import Annotated

from fastapi import Query, Request
from fastapi.responses import Response

from ..api import LoginCodeState
from ..caller import ServedFleet, address_of, operator_of, operator_sha256
from ..event import rfc3339
from ..fleet import Fleet
from ..guard import Refusal, sha256_of
from ..login import (
    CODE_LENGTH,
    CODE_LETTERS,
    Key,
    Kind,
    WrongCodes,
    code_in_groups,
    code_of,
    found,
    with_key,
    without,
)
from ..person import Person, note_action
from .answer import go_to, page
from .session import form_of, give_cookie, person_of, refused, take_cookie


async def make_code(request: Request, fleet: ServedFleet) -> LoginCodeState:
    """Make a code for one login to the page, good for five minutes; only the operator token may."""
    person = operator_of(fleet, request, None)
    code = "".join(secrets.choice(CODE_LETTERS) for _ in range(CODE_LENGTH))
    key = _new(fleet, Kind.CODE, code)
    note_action(fleet, person, "login code")
    fleet.store.logins.keep(with_key(fleet.store.logins.keys, key, fleet.now()))
    return {"code": code_in_groups(code), "until": rfc3339(key.end)}


async def end_logins(request: Request, fleet: ServedFleet) -> Response:
    """End all logins to the page, and all codes; only the operator token may."""
    note_action(fleet, operator_of(fleet, request, None), "logout of all")
    fleet.store.logins.keep(())
    return Response(status_code=204)


async def login_page(request: Request, fleet: ServedFleet, code: Annotated[str, Query(max_length=80)] = "") -> Response:
    """Answer with the form for a code; over plain HTTP with the address where one is taken."""
    is_tls = request.url.scheme == "https"
    values = {
        "title": "Log in",
        "state": {"cluster": fleet.desc().cluster.name},
        "here": "/login",
        "code": code if is_tls else "",
        "elsewhere": "" if is_tls else f"https://{_tls_host(request, fleet)}/login",
    }
    return page(request, "login.html.j2", lambda: values)


async def log_in(request: Request, fleet: ServedFleet) -> Response:
    """Take a code, which is good once, and give a login for an hour; 429 for an address that guesses."""
    typed = code_of((await form_of(request)).get("code", ""))
    address, now, keys = address_of(request), fleet.now(), fleet.store.logins.keys
    wrong: WrongCodes = request.app.state.wrong_codes
    if request.url.scheme != "https":
        raise refused(request, fleet, Refusal.PLAIN_HTTP, f"log in at https://{_tls_host(request, fleet)}/login")
    if not wrong.is_heard(address, now):
        raise refused(request, fleet, Refusal.WRONG_CODE, "too many wrong codes: try again in a minute", status=429)
    code = found(keys, Kind.CODE, typed, operator_sha256(fleet), now)
    if code is None:
        wrong.note(address, now)
        what = "this code is none, was used, or is too old: `kboot login` on the bootstrapper gives one"
        raise refused(request, fleet, Refusal.WRONG_CODE, what)
    secret = secrets.token_urlsafe(32)
    login = _new(fleet, Kind.LOGIN, secret)
    note_action(fleet, Person(login.name, address), "login")
    fleet.store.logins.keep(with_key(without(keys, code), login, now))
    answer = go_to("/")
    give_cookie(answer, secret)
    return answer


async def log_out(request: Request, fleet: ServedFleet) -> Response:
    """End the login of this browser."""
    person, login, _ = await person_of(request, fleet)
    note_action(fleet, person, "logout")
    fleet.store.logins.keep(without(fleet.store.logins.keys, login))
    answer = go_to("/")
    take_cookie(answer)
    return answer


def _new(fleet: Fleet, kind: Kind, secret: str) -> Key:
    return Key(sha256_of(secret), kind, fleet.now(), operator_sha256(fleet) or "")


def _tls_host(request: Request, fleet: Fleet) -> str:
    """Return the name or address that was asked, with the port of HTTPS where that is another than usual."""
    name, port = request.url.hostname or "", fleet.settings.https_port
    return f"{f'[{name}]' if ':' in name else name}{'' if port == 443 else f':{port}'}"

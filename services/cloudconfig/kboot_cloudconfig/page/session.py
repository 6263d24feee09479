"""Which login a browser shows, and whether a form that it sends is one of ours."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import parse_qsl

from fastapi import Request
from fastapi.responses import Response

from kboot_clusterdesc import Mac

from ..caller import address_of, operator_sha256, small_body
from ..event import rfc3339
from ..fleet import Fleet
from ..guard import Refusal
from ..login import COOKIE, LOGIN_LIFE, Key, Kind, form_word, found, is_form_word
from ..person import Person
from ..problem import ProblemError

_FORM_BYTES = 4096


@dataclass(frozen=True, slots=True)
class Session:
    """A login that a browser shows."""

    login: Key
    word: str  # that each of its forms says

    @property
    def end(self) -> str:
        """When it ends."""
        return rfc3339(self.login.end)


def session_of(request: Request) -> Session | None:
    """Return the login of a request's cookie; None without one that is good, and over plain HTTP."""
    fleet: Fleet = request.app.state.fleet
    secret = request.cookies.get(COOKIE, "")
    if request.url.scheme != "https" or not secret:
        return None
    login = found(fleet.store.logins.keys, Kind.LOGIN, secret, operator_sha256(fleet), fleet.now())
    return Session(login, form_word(secret)) if login else None


async def form_of(request: Request) -> Mapping[str, str]:
    """Return the fields of a form; answer 400 for what is none, and 413 for a long one."""
    try:
        return dict(parse_qsl((await small_body(request, _FORM_BYTES)).decode(), max_num_fields=20))
    except ValueError as error:
        raise ProblemError(400, "this is no form") from error


async def person_of(request: Request, fleet: Fleet, mac: Mac | None = None) -> tuple[Person, Key, Mapping[str, str]]:
    """Return who sends a form, the login, and the fields; answer 403 and keep an event without a login or its word."""
    form = await form_of(request)
    session = session_of(request)  # as it is once the form is here: a login may end while one is on its way
    if session is None:
        reason = Refusal.NO_LOGIN if request.url.scheme == "https" else Refusal.PLAIN_HTTP
        raise refused(request, fleet, reason, "this needs a login: `kboot login` on the bootstrapper gives one", mac)
    if not is_form_word(form.get("word", ""), request.cookies[COOKIE]):
        what = "this form is of no page of this login: go back, load that page again, and send it from there"
        raise refused(request, fleet, Refusal.FOREIGN_FORM, what, mac)
    return Person(session.login.name, address_of(request)), session.login, form


def refused(
    request: Request, fleet: Fleet, reason: Refusal, what: str, mac: Mac | None = None, status: int = 403
) -> ProblemError:
    """Return the answer to who is refused, and tell of it."""
    fleet.refuse(mac, address_of(request), str(reason), request.url.path)
    return ProblemError(status, what)


def give_cookie(answer: Response, secret: str) -> None:
    """Have a browser keep a login until it ends: sent over HTTPS to us alone, by our own pages, read by no script."""
    life_s = round(LOGIN_LIFE.total_seconds())
    answer.set_cookie(COOKIE, secret, max_age=life_s, secure=True, httponly=True, samesite="strict")


def take_cookie(answer: Response) -> None:
    """Have a browser drop a login."""
    answer.delete_cookie(COOKIE, secure=True, httponly=True, samesite="strict")

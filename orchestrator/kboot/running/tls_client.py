"""HTTP over TLS with a machine of the cluster, known by its name at whatever address it has."""

from __future__ import annotations

import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import httpx

_OF_TIME = (9, 10)  # not yet valid, has expired; openssl-verify(1)


class Fault(Exception):
    """A machine did not do what was asked; the message says why, to be read after the machine's name."""


@contextmanager
def answer_of(
    method: str, url: str, name: str, context: ssl.SSLContext, *, timeout: httpx.Timeout, json: Any = None
) -> Iterator[httpx.Response]:
    """Yield the answer of the machine called `name`, whose certificate need not have its address; the body is unread.

    Raises Fault, also for what goes wrong while the caller reads the body.
    """
    begun = False
    try:
        # trust_env off: a proxy of the site must not stand between us and our own machines
        with (
            httpx.Client(verify=context, timeout=timeout, trust_env=False) as client,
            client.stream(method, url, json=json, extensions={"sni_hostname": name}) as answer,
        ):
            begun = True
            yield answer
    except httpx.HTTPError as error:
        raise Fault("broke off its answer" if begun else _reason(error)) from error


def get(url: str, name: str, context: ssl.SSLContext, timeout_s: float) -> httpx.Response:
    """Return the whole answer to a GET; raise Fault."""
    with answer_of("GET", url, name, context, timeout=httpx.Timeout(timeout_s)) as answer:
        answer.read()
        return answer


def clock_fault(error: BaseException) -> bool:
    """Return whether a certificate was refused for its time: it has ended, or the clock of one of the two is off."""
    cause = _tls_fault(error)
    return isinstance(cause, ssl.SSLCertVerificationError) and cause.verify_code in _OF_TIME


def _tls_fault(error: BaseException) -> ssl.SSLError | None:
    cause: BaseException | None = error
    while cause is not None and not isinstance(cause, ssl.SSLError):
        cause = cause.__cause__ or cause.__context__
    return cause


def _reason(error: httpx.HTTPError) -> str:
    cause = _tls_fault(error)
    if isinstance(cause, ssl.SSLCertVerificationError):
        clock = ", or the clock of this machine is off" if clock_fault(error) else ""
        return f"has a certificate that is not good: {cause.verify_message}{clock}"
    if isinstance(cause, ssl.SSLError) and "ALERT" in (cause.reason or ""):
        return "refuses our certificate"
    return "does not speak TLS" if isinstance(cause, ssl.SSLError) else "does not answer"

"""Judges who may have a machine's secrets, and who may report for it. Pure."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from ipaddress import IPv4Address

from kboot_clusterdesc import Phase

from .machine import GRACE, Machine


class Refusal(StrEnum):
    """The reason of a refusal."""

    PLAIN_HTTP = "plain-http"
    WRONG_ADDRESS = "wrong-address"
    NOT_ARMED = "not-armed"
    NO_TOKEN = "no-token"  # noqa: S105 - the name of a reason
    REPLAYED_TOKEN = "replayed-token"  # noqa: S105 - the name of a reason
    UNKNOWN = "unknown"  # a token that was never ours


@dataclass(frozen=True, slots=True)
class Ask:
    """What a request shows of who asks."""

    is_tls: bool
    address: IPv4Address | None
    token: str | None


def sha256_of(token: str) -> str:
    """Return the SHA-256 of a token, in hex: the form in which tokens are kept."""
    return hashlib.sha256(token.encode("utf-8", "surrogateescape")).hexdigest()


def is_token(given: str | None, sha256: str | None) -> bool:
    """Return whether `given` is the token with this hash, in constant time."""
    return given is not None and sha256 is not None and hmac.compare_digest(sha256_of(given), sha256)


def refusal_of_secrets(
    ask: Ask, machine: Machine, address: IPv4Address | None, now: datetime
) -> Refusal | None:
    """Return why the asker may not have the secrets of `machine`, whose own address is `address`; None if it may."""
    if not ask.is_tls:
        return Refusal.PLAIN_HTTP
    if address is None or ask.address != address:
        return Refusal.WRONG_ADDRESS
    if not machine.armed:
        return Refusal.NOT_ARMED
    if not ask.token:
        return Refusal.NO_TOKEN
    token = machine.token
    if token is None or not is_token(ask.token, token.sha256):
        return _stale(ask.token, machine)
    if token.used_at is not None and not (token.used_from == ask.address and now - token.used_at <= GRACE):
        return Refusal.REPLAYED_TOKEN
    return None


def may_install(machine: Machine, own: IPv4Address | None, caller: IPv4Address | None) -> bool:
    """Return whether the caller is given an install token: only an armed machine is, at its own address alone."""
    return machine.armed and own is not None and caller == own


def refusal_of_report(
    ask: Ask, phase: Phase, machine: Machine, report_sha256s: Collection[str]
) -> Refusal | None:
    """Return why a report is refused, or None.

    An install is reported with its install token, a running machine reports with a token of its own."""
    token = ask.token
    if not ask.is_tls:
        return Refusal.PLAIN_HTTP
    if not token:
        return Refusal.NO_TOKEN
    if phase in (Phase.RUNNING, Phase.FAILED) and any(is_token(token, each) for each in report_sha256s):
        return None
    if phase is Phase.RUNNING:
        return Refusal.UNKNOWN
    # Reading install.sh on the console gives a newer token; the install that runs goes on with its own.
    if sha256_of(token) not in machine.issued:
        return _stale(token, machine)
    # The answer to `installed` may get lost on its way, so the machine must be able to report it again.
    if machine.armed or phase is machine.phase is Phase.INSTALLED:
        return None
    return Refusal.NOT_ARMED


def _stale(token: str, machine: Machine) -> Refusal:
    return Refusal.REPLAYED_TOKEN if sha256_of(token) in machine.spent else Refusal.UNKNOWN

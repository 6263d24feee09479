"""Judges who may have a machine's secrets, and who may report for it. Pure."""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from ipaddress import IPv4Address

from kboot_clusterdesc import Mac, Phase

from .machine import BOOT_LIFE, GRACE, BootValue, Machine

_BOOT_VALUE = re.compile(r"[A-Za-z0-9_-]{1,64}")


class Refusal(StrEnum):
    """The reason of a refusal."""

    PLAIN_HTTP = "plain-http"
    WRONG_ADDRESS = "wrong-address"
    NOT_ARMED = "not-armed"
    NO_TOKEN = "no-token"  # noqa: S105 - the name of a reason
    REPLAYED_TOKEN = "replayed-token"  # noqa: S105 - the name of a reason
    UNKNOWN = "unknown"  # a token that was never ours
    VOID_BOOT_VALUE = "void-boot-value"  # of an earlier boot script, too old, or never ours
    REPLAYED_BOOT_VALUE = "replayed-boot-value"  # another address showed it before
    CARD_OF_ANOTHER = "card-of-another"  # an undeclared one, of which another machine told that it has it
    WRONG_CODE = "wrong-code"  # for a login to the page: never ours, used, or too old
    NO_LOGIN = "no-login"  # to the page: none, or one that has ended
    FOREIGN_FORM = "foreign-form"  # a form that did not come from a page of this login


@dataclass(frozen=True, slots=True)
class Ask:
    """What a request shows of who asks."""

    is_tls: bool
    address: IPv4Address | None
    token: str | None


@dataclass(frozen=True, slots=True)
class InstallerAsk:
    """What a request for install.sh shows of who asks; it is plain HTTP."""

    address: IPv4Address | None
    boot: str | None  # the boot value, as the kernel line has it
    is_near: bool  # its address lies in the subnet, and belongs to no other node


def is_boot_value(text: str) -> bool:
    """Return whether `text` has the form of a boot value, which no shell, unit or URL takes for anything else."""
    return _BOOT_VALUE.fullmatch(text) is not None


def query_of(mac: Mac | None, boot: str | None) -> str:
    """Return the query by which a machine says in a URL which one it is; empty where nobody knows."""
    shown = f"&boot={boot}" if boot else ""
    return f"?mac={mac.dashed}{shown}" if mac else ""


def sha256_of(token: str) -> str:
    """Return the SHA-256 of a token, in hex: the form in which tokens are kept."""
    return hashlib.sha256(token.encode("utf-8", "surrogateescape")).hexdigest()


def is_token(given: str | None, sha256: str | None) -> bool:
    """Return whether `given` is the token with this hash, in constant time."""
    return given is not None and sha256 is not None and hmac.compare_digest(sha256_of(given), sha256)


def refusal_of_secrets(ask: Ask, machine: Machine, own: Collection[IPv4Address], now: datetime) -> Refusal | None:
    """Return why the asker may not have the secrets of `machine`, whose own addresses are `own`; None if it may.

    The address that its boot value is kept for may, too, until one of its own shows the value.
    """
    if not ask.is_tls:
        return Refusal.PLAIN_HTTP
    if not _is_home(ask.address, machine, own):
        return Refusal.WRONG_ADDRESS
    if not machine.armed:
        return Refusal.NOT_ARMED
    if not ask.token:
        return Refusal.NO_TOKEN
    token = machine.token
    if token is None or not is_token(ask.token, token.sha256):
        return _stale(ask.token, machine)
    if token.used_at is not None and not (token.used_from == ask.address and abs(now - token.used_at) <= GRACE):
        return Refusal.REPLAYED_TOKEN
    return None


def _is_home(address: IPv4Address | None, machine: Machine, own: Collection[IPv4Address]) -> bool:
    showed_value = machine.boot.shown_from if machine.boot is not None else None
    took_config = machine.token.used_from if machine.token is not None else None  # reports after the value is void
    return address is not None and (address in own or address in (showed_value, took_config))


def refusal_of_install(
    ask: InstallerAsk, machine: Machine, own: Collection[IPv4Address], now: datetime
) -> Refusal | None:
    """Return why the asker is given no install token, or None.

    Only the armed machine is given one: known by its boot value, or by an address of its own."""
    if not machine.armed:
        return Refusal.NOT_ARMED
    refusal = _refusal_of_boot_value(ask, machine.boot, now) if ask.boot else Refusal.WRONG_ADDRESS
    return None if ask.address is not None and ask.address in own else refusal


def shown_before(
    ask: InstallerAsk, machine: Machine, own: Collection[IPv4Address], now: datetime
) -> IPv4Address | None:
    """Return the address that showed the boot value before the asker, who shows it at one of the machine's `own`.

    None where no other did, or where that is the machine's own too, or proved to be the machine.
    """
    other = machine.boot.shown_from if machine.boot is not None and not machine.boot.is_proven else None
    is_replayed = _refusal_of_boot_value(ask, machine.boot, now) is Refusal.REPLAYED_BOOT_VALUE
    return other if is_replayed and ask.address in own and other not in own else None


def _refusal_of_boot_value(ask: InstallerAsk, value: BootValue | None, now: datetime) -> Refusal | None:
    if ask.address is None or not ask.is_near:
        return Refusal.WRONG_ADDRESS
    if value is None or not is_token(ask.boot, value.sha256) or abs(now - value.given_at) > BOOT_LIFE:
        return Refusal.VOID_BOOT_VALUE
    return None if value.shown_from in (None, ask.address) else Refusal.REPLAYED_BOOT_VALUE


def refusal_of_report(
    ask: Ask, phase: Phase, machine: Machine, own: Collection[IPv4Address], report_sha256s: Collection[str]
) -> Refusal | None:
    """Return why a report is refused, or None.

    An install is reported with its install token, from where the secrets may go: who reads the wire has the token too.
    A running machine reports from anywhere, with a token of its own.
    """
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
    if not _is_home(ask.address, machine, own):
        return Refusal.WRONG_ADDRESS
    # The answer to `installed` may get lost on its way, so the machine must be able to report it again; and a word of
    # progress may be on its way when the install ends.
    if machine.armed or (machine.phase is Phase.INSTALLED and phase in (Phase.INSTALLING, Phase.INSTALLED)):
        return None
    return Refusal.NOT_ARMED


def is_of_its_install(token: str | None, machine: Machine) -> bool:
    """Return whether `token` was given to this machine, by an install.sh of this arming or of one before."""
    return bool(token) and sha256_of(token or "") in (*machine.issued, *machine.spent)


def _stale(token: str, machine: Machine) -> Refusal:
    return Refusal.REPLAYED_TOKEN if sha256_of(token) in machine.spent else Refusal.UNKNOWN

"""One machine's life: its phases, its arming, its install token. Pure: every step is a function of what was before."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from ipaddress import IPv4Address

from kboot_clusterdesc import Mac, Phase
from kboot_clusterdesc.phase import STATE_LOST

GRACE = timedelta(seconds=120)  # how long a used token still serves a retry, and a lost answer to `installed`
SPENT_KEPT = 8

_UNDER_WAY = (Phase.WAITING, Phase.LEASED, Phase.BOOTING, Phase.INSTALLING, Phase.CONFIGURED)


@dataclass(frozen=True, slots=True)
class Token:
    """The newest install token of a machine, known by its SHA-256 alone, and its first use."""

    sha256: str
    used_at: datetime | None = None
    used_from: IPv4Address | None = None


@dataclass(frozen=True, slots=True)
class Machine:
    """What is known of one declared machine."""

    mac: Mac
    since: datetime
    phase: Phase = Phase.WAITING
    phases: Mapping[Phase, datetime] = field(default_factory=dict)  # the latest time of each, since the arming
    armed: bool = True
    token: Token | None = None
    spent: tuple[str, ...] = ()  # SHA-256 of earlier tokens, newest first
    issued: tuple[str, ...] = ()  # SHA-256 of the tokens given since the arming: each may report the install
    release: str | None = None  # the release this boot was given, by number
    reason: str | None = None  # why it failed
    bytes_done: int | None = None
    bytes_total: int | None = None
    config: str | None = None  # hash of the node config it says it runs
    version: str | None = None  # OS release it says it runs
    ssh_host_keys: tuple[str, ...] = ()  # public ones of the installation that it runs, as `type key`


def _enter(machine: Machine, phase: Phase, now: datetime) -> Machine:
    if machine.phase is phase and phase in machine.phases:
        return machine
    return replace(machine, phase=phase, since=now, phases={**machine.phases, phase: now})


def declare(mac: Mac, now: datetime) -> Machine:
    """A machine as it stands when it is declared: armed, and never heard of."""
    return Machine(mac=mac, since=now, phases={Phase.WAITING: now})


def declare_in_doubt(mac: Mac, now: datetime) -> Machine:
    """A machine that may be installed already, for all that is known: its disk is left alone."""
    return replace(declare(mac, now), armed=False, reason=STATE_LOST)


def lease(machine: Machine, now: datetime) -> Machine:
    """DHCP gave it an address."""
    return _enter(machine, Phase.LEASED, now) if machine.phase is Phase.WAITING else machine


def fetch_boot_script(machine: Machine, release: str, now: datetime) -> Machine:
    """It took its boot script; only an armed machine goes on to install `release`."""
    if not machine.armed:
        return machine
    return replace(_enter(machine, Phase.BOOTING, now), release=release, reason=None)


def fetch_installer(machine: Machine, token_sha256: str, now: datetime) -> Machine:
    """It took install.sh with a fresh token; every earlier token is void."""
    spent = machine.spent if machine.token is None else (machine.token.sha256, *machine.spent)
    started = replace(_enter(machine, Phase.INSTALLING, now), reason=None, bytes_done=None, bytes_total=None)
    issued = (token_sha256, *machine.issued)[:SPENT_KEPT]
    return replace(started, token=Token(token_sha256), spent=spent[:SPENT_KEPT], issued=issued)


def ask_elsewhere(machine: Machine, reason: str) -> Machine:
    """It was not told to install itself, for `reason`; the next report of an install under way overrules that."""
    return replace(machine, reason=reason) if machine.armed else machine


def fetch_config(machine: Machine, address: IPv4Address, now: datetime) -> Machine:
    """It took its node config; the token is used from now on."""
    if machine.token is not None and machine.token.used_at is None:
        machine = replace(machine, token=replace(machine.token, used_at=now, used_from=address))
    return _enter(machine, Phase.CONFIGURED, now)


def progress(machine: Machine, bytes_done: int | None, bytes_total: int | None, now: datetime) -> Machine:
    """It writes its disk: the numbers move, and a phase never goes back. A late one does not undo a failure."""
    if machine.phase is Phase.FAILED:
        return machine
    if machine.phase not in (Phase.INSTALLING, Phase.CONFIGURED):
        machine = _enter(machine, Phase.INSTALLING, now)
    return replace(machine, bytes_done=bytes_done, bytes_total=bytes_total, reason=None)


def finish_install(machine: Machine, now: datetime) -> Machine:
    """The OS is on its disk: disarmed, so the next network boot goes to the disk. Said twice, it holds once."""
    if not machine.armed:
        return machine
    # a new installation makes new host keys: those of the one before are nobody's any more
    return replace(_enter(machine, Phase.INSTALLED, now), armed=False, reason=None, ssh_host_keys=())


def run(
    machine: Machine, config: str | None, version: str | None, now: datetime, ssh_host_keys: tuple[str, ...] = ()
) -> Machine:
    """It booted from its disk and reports for duty, which it does once a boot; without host keys those known stay."""
    phase = Phase.READY if machine.phase is Phase.READY else Phase.RUNNING
    entered = replace(machine, phase=phase, phases={**machine.phases, Phase.RUNNING: now})
    since = machine.since if phase is Phase.READY else now
    keys = ssh_host_keys or machine.ssh_host_keys
    return replace(entered, since=since, config=config, version=version, reason=None, ssh_host_keys=keys)


def ready(machine: Machine, now: datetime) -> Machine:
    """Its Kubernetes node is Ready at the API; only a machine that runs can be."""
    if machine.phase is not Phase.RUNNING:
        return machine
    return replace(_enter(machine, Phase.READY, now), reason=None)


def unready(machine: Machine, reason: str, now: datetime) -> Machine:
    """Its Kubernetes node is not Ready any more, for `reason`: it runs, and no more is known of it."""
    if machine.phase is not Phase.READY:
        return machine
    return replace(_enter(machine, Phase.RUNNING, now), reason=reason)


def fail(machine: Machine, reason: str, now: datetime) -> Machine:
    """It gave up for `reason`; its arming stays as it is, so the next boot tries again."""
    return replace(_enter(machine, Phase.FAILED, now), since=now, reason=reason)


def arm(machine: Machine, now: datetime) -> Machine:
    """The next network boot installs afresh; what the last install left behind is forgotten."""
    fresh = declare(machine.mac, now)
    if machine.armed and machine.phase in _UNDER_WAY:
        return machine
    # until it is installed it runs what it ran, with the host keys of that
    standing = replace(fresh, config=machine.config, version=machine.version, ssh_host_keys=machine.ssh_host_keys)
    return replace(standing, spent=_spent(machine))


def disarm(machine: Machine) -> Machine:
    """The next network boot goes to the disk; a token that is out is void."""
    return replace(machine, armed=False, token=None, spent=_spent(machine), issued=())


def _spent(machine: Machine) -> tuple[str, ...]:
    newest = () if machine.token is None else (machine.token.sha256,)
    return (*newest, *machine.spent)[:SPENT_KEPT]

"""The life of one machine: its phases, its arming, its install token. Pure: a step turns one state into the next."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from ipaddress import IPv4Address

from kboot_clusterdesc import Mac, Phase
from kboot_clusterdesc.phase import INSTALLED_SINCE, STATE_LOST

from .card import KeptCard
from .disk import KeptDisk
from .told_text import KeptUnit

GRACE = timedelta(seconds=120)  # how long a used token still serves a retry, and a lost answer to `installed`
SPENT_KEPT = 8
BOOT_AGAIN = timedelta(minutes=5)  # iPXE asks again every few seconds: what comes later than this is a boot anew
BOOT_SAME = timedelta(minutes=2)  # how long who asks again is given the same value; its next one is no boot anew yet
BOOT_LIFE = timedelta(days=7)  # of a boot value: a machine in memory asks on while the bootstrapper is away

DISARMED_MIDWAY = "disarmed before its install was done: `kboot node reinstall` arms it again"
RUNS_ARMED = (
    "it runs its earlier system and is armed: its next boot from the network installs it, `kboot node disarm` keeps it"
)

_BEFORE_INSTALL = (Phase.WAITING, Phase.LEASED, Phase.BOOTING)
_TILL_DISARMED = (RUNS_ARMED, INSTALLED_SINCE)
_UNDER_WAY = (*_BEFORE_INSTALL, Phase.INSTALLING, Phase.CONFIGURED)
_OWN_STEPS = (Phase.BOOTING, Phase.INSTALLING, Phase.CONFIGURED, Phase.INSTALLED, Phase.RUNNING)


@dataclass(frozen=True, slots=True)
class Token:
    """The newest install token of a machine, known by its SHA-256 alone, and its first use."""

    sha256: str
    used_at: datetime | None = None
    used_from: IPv4Address | None = None


@dataclass(frozen=True, slots=True)
class BootValue:
    """The value in a machine's newest boot script, known by its SHA-256 alone, and the address that it is kept for.

    That is the first to show it, or one of the machine's own that was given an install token since.
    """

    sha256: str
    given_at: datetime
    shown_from: IPv4Address | None = None
    is_proven: bool = False  # who showed it there used at the machine's own address what it was given for it


@dataclass(frozen=True, slots=True)
class Machine:
    """The state of one machine, declared or joined."""

    mac: Mac
    since: datetime
    phase: Phase = Phase.WAITING
    phases: Mapping[Phase, datetime] = field(default_factory=dict)  # the latest time of each, since the arming
    armed: bool = True
    boot: BootValue | None = None
    token: Token | None = None
    spent: tuple[str, ...] = ()  # SHA-256 of earlier tokens, newest first
    issued: tuple[str, ...] = ()  # SHA-256 of the tokens given since the arming: each may report the install
    boots: int = 0  # for an install, since the arming
    release: str | None = None  # the release this boot was given, by number
    reason: str | None = None  # why it failed
    bytes_done: int | None = None
    bytes_total: int | None = None
    config: str | None = None  # hash of the node config it says it runs
    version: str | None = None  # OS release it says it runs
    remark: str | None = None  # what it says of its last boot from disk, such as that its clock was set
    ssh_host_keys: tuple[str, ...] = ()  # public ones of the installation that it runs, as `type key`
    install_disk: str | None = None  # the disk that install.sh took last, by its id, else by its name
    disks: tuple[KeptDisk, ...] = ()  # as the newest install.sh saw them
    cards: tuple[KeptCard, ...] = ()  # the same
    failure: str | None = None  # why the newest install failed that did, until one succeeds
    install_log: tuple[str, ...] = ()  # the last lines of that one
    failed_units: tuple[KeptUnit, ...] = ()  # since its last boot from disk
    may_be_installed: bool = False  # what was known of it was lost, and no install is known to have ended since
    boot_partition: str | None = None  # partition GUID that its install gave to the ESP, which no other disk has
    was: tuple[Mac, ...] = ()  # MACs by which it is or may be known to its config still, until it is installed again
    armed_cards: tuple[Mac, ...] | None = None  # by which it was known when the operator armed it


def _enter(machine: Machine, phase: Phase, now: datetime) -> Machine:
    if machine.phase is phase and phase in machine.phases:
        return machine
    return replace(machine, phase=phase, since=now, phases={**machine.phases, phase: now})


def declared(mac: Mac, now: datetime) -> Machine:
    """Return the state of a machine that was declared just now: armed, and never heard of."""
    return Machine(mac=mac, since=now, phases={Phase.WAITING: now})


def declared_in_doubt(mac: Mac, now: datetime, reason: str = STATE_LOST) -> Machine:
    """Return the state of a machine whose earlier one is not known: not armed, since it may be installed already."""
    return replace(declared(mac, now), armed=False, reason=reason, may_be_installed=True)


def may_have_run(machine: Machine) -> bool:
    """Return whether a machine ever was more than declared and armed: it may be installed, or being installed."""
    has_told = machine.version or machine.ssh_host_keys or machine.disks or machine.spent
    return not machine.armed or machine.may_be_installed or bool(own_steps(machine)) or bool(has_told)


def own_steps(machine: Machine) -> list[datetime]:
    """Return when the machine itself took a step, since its arming: neither the operator nor Kubernetes did."""
    return [at for phase, at in machine.phases.items() if phase in _OWN_STEPS]


def got_lease(machine: Machine, now: datetime) -> Machine:
    """Return the machine's state after DHCP gave it an address."""
    return _enter(machine, Phase.LEASED, now) if machine.phase is Phase.WAITING else machine


def fetched_boot_script(machine: Machine, release: str, boot_sha256: str, now: datetime) -> Machine:
    """Return the machine's state after it fetched its boot script; only an armed one goes on to install `release`.

    The boot value in the script voids that of every earlier one.
    """
    if not machine.armed:
        return machine
    is_new_boot = machine.boot is not None and abs(now - machine.boot.given_at) > BOOT_AGAIN
    if machine.phase is Phase.BOOTING and is_new_boot:
        machine = replace(machine, phases={phase: at for phase, at in machine.phases.items() if phase != Phase.BOOTING})
    boots = machine.boots + (is_new_boot or machine.phase is not Phase.BOOTING)
    value = BootValue(boot_sha256, now)
    return replace(_enter(machine, Phase.BOOTING, now), release=release, boot=value, boots=boots, reason=None)


def has_boot_value(machine: Machine, release: str, boot_sha256: str, now: datetime) -> bool:
    """Return whether a machine that asks for its boot script again may have the boot value again that it has.

    That is so for a short while, until somebody shows the value or anything else happens to the machine.
    """
    value = machine.boot
    if value is None or value.sha256 != boot_sha256 or value.shown_from is not None:
        return False
    is_as_it_was = machine.phase is Phase.BOOTING and machine.release == release and machine.reason is None
    return machine.armed and is_as_it_was and timedelta(0) <= now - value.given_at <= BOOT_SAME


def fetched_installer(
    machine: Machine, token_sha256: str, now: datetime, address: IPv4Address | None = None
) -> Machine:
    """Return the machine's state after it fetched install.sh with a fresh token, which voids every earlier token.

    Its boot value, if it has one, is kept for the `address` that fetched.
    """
    if machine.boot is not None and address is not None:
        machine = replace(machine, boot=replace(machine.boot, shown_from=address, is_proven=False))
    spent = machine.spent if machine.token is None else (machine.token.sha256, *machine.spent)
    started = replace(_enter(machine, Phase.INSTALLING, now), reason=None, bytes_done=None, bytes_total=None)
    issued = (token_sha256, *machine.issued)[:SPENT_KEPT]
    return replace(started, token=Token(token_sha256), spent=spent[:SPENT_KEPT], issued=issued)


def proved_itself(machine: Machine, token_sha256: str) -> Machine:
    """Return the machine's state after a token was used at its own address: whoever was given the newest is it."""
    if machine.boot is None or machine.token is None or machine.token.sha256 != token_sha256:
        return machine
    return replace(machine, boot=replace(machine.boot, is_proven=True))


def was_refused(machine: Machine, reason: str) -> Machine:
    """Return the machine's state after it was not given what its install needs.

    `reason` says so in the status until its install goes on.
    """
    return replace(machine, reason=reason) if machine.armed else machine


def asked_elsewhere(machine: Machine, reason: str, *, is_known: bool = False) -> Machine:
    """Return the machine's state after what it boots or installs by was asked for from where it is not given.

    Once it installs that is no word of its own, but where who asked `is_known` by a value or token that it was given.
    A machine that failed keeps its own reason.
    """
    return was_refused(machine, reason) if machine.phase in (_UNDER_WAY if is_known else _BEFORE_INSTALL) else machine


def fetched_config(machine: Machine, address: IPv4Address, now: datetime) -> Machine:
    """Return the machine's state after it fetched its node config, which uses its token up."""
    if machine.token is not None and machine.token.used_at is None:
        machine = replace(machine, token=replace(machine.token, used_at=now, used_from=address))
    failure = machine.failure if Phase.CONFIGURED in machine.phases else None  # this try is past all earlier steps
    after = _enter(machine, Phase.CONFIGURED, now)
    return after if (after.reason, after.failure) == (None, failure) else replace(after, reason=None, failure=failure)


def wrote_to_disk(machine: Machine, bytes_done: int | None, bytes_total: int | None, now: datetime) -> Machine:
    """Return the machine's state after it told how much of the OS image it has written, in bytes.

    Its phase never goes back, and a report that comes late undoes neither a failure nor the end of the install.
    """
    if not may_install(machine):
        return machine
    if machine.phase not in (Phase.INSTALLING, Phase.CONFIGURED):
        machine = _enter(machine, Phase.INSTALLING, now)
    return replace(machine, bytes_done=bytes_done, bytes_total=bytes_total, reason=None)


def may_install(machine: Machine) -> bool:
    """Return whether a word of an install counts: one is to come or under way, and has not failed."""
    return machine.armed and machine.phase is not Phase.FAILED


def has_open_install(machine: Machine) -> bool:
    """Return whether a machine took its config, since its arming, for an install whose end it never told."""
    return machine.armed and Phase.CONFIGURED in machine.phases


def finished_install(machine: Machine, now: datetime, boot_partition: str | None = None) -> Machine:
    """Return the machine's state after it told that the OS is on its disk: disarmed, so that it boots from there.

    Its next boots go to `boot_partition`. Telling it twice changes nothing more.
    """
    if not machine.armed:
        return machine
    # A new installation makes new host keys, so the known ones belong to no machine any more.
    done = replace(_enter(machine, Phase.INSTALLED, now), armed=False, boot=None, may_be_installed=False)
    done = replace(done, boot_partition=boot_partition, was=())
    return replace(done, reason=None, remark=None, ssh_host_keys=(), failure=None, install_log=(), failed_units=())


def booted_from_disk(
    machine: Machine,
    config: str | None,
    version: str | None,
    now: datetime,
    ssh_host_keys: tuple[str, ...] = (),
    remark: str | None = None,
) -> Machine:
    """Return the machine's state after it booted from its disk and told so, which it does at each boot.

    A report without ssh host keys keeps those that are known.
    """
    phase = Phase.READY if machine.phase is Phase.READY else Phase.RUNNING
    entered = replace(machine, phase=phase, phases={**machine.phases, Phase.RUNNING: now})
    since = machine.since if phase is Phase.READY else now
    keys = ssh_host_keys or machine.ssh_host_keys
    told = replace(entered, config=config, version=version, remark=remark, ssh_host_keys=keys, failed_units=())
    return replace(told, since=since, reason=None)


def became_ready(machine: Machine, now: datetime) -> Machine:
    """Return the machine's state after the API server called its node Ready; only a machine that runs can be."""
    if machine.phase is not Phase.RUNNING:
        return machine
    kept = machine.reason if machine.reason == INSTALLED_SINCE else None
    return replace(_enter(machine, Phase.READY, now), reason=RUNS_ARMED if has_open_install(machine) else kept)


def became_unready(machine: Machine, reason: str, now: datetime) -> Machine:
    """Return the machine's state after its node stopped being Ready, for `reason`: running, as far as is known.

    The time of its phase `running` stays: then it told so itself.
    """
    if machine.phase is not Phase.READY:
        return machine
    return replace(machine, phase=Phase.RUNNING, since=now, reason=reason)


def failed(machine: Machine, reason: str, now: datetime, log: tuple[str, ...] = ()) -> Machine:
    """Return the machine's state after it gave up for `reason`; where it is armed, its next boot tries again.

    It tells the same once more without its log where no answer came, so the log of that failure stays.
    """
    kept = log or (machine.install_log if (machine.phase, machine.reason) == (Phase.FAILED, reason) else ())
    return replace(_enter(machine, Phase.FAILED, now), since=now, reason=reason, failure=reason, install_log=kept)


def arm(machine: Machine, now: datetime, cards: tuple[Mac, ...] | None = None) -> Machine:
    """Return the machine's state after the operator armed it, which has these `cards`: its next boot installs it."""
    fresh = replace(declared(machine.mac, now), may_be_installed=machine.may_be_installed, armed_cards=cards)
    if machine.armed and machine.phase in _UNDER_WAY:
        return replace(machine, armed_cards=cards)
    # Until the install is done the machine runs what it ran before, with the same host keys.
    standing = replace(fresh, config=machine.config, version=machine.version, ssh_host_keys=machine.ssh_host_keys)
    known = replace(standing, remark=machine.remark, install_disk=machine.install_disk, disks=machine.disks)
    kept = replace(known, cards=machine.cards, boot_partition=machine.boot_partition, was=machine.was)
    return replace(kept, spent=_spent(machine))


def disarm(machine: Machine) -> Machine:
    """Return the machine's state after the operator disarmed it: its token and its boot value are void."""
    is_midway = machine.armed and machine.phase in (Phase.BOOTING, Phase.INSTALLING, Phase.CONFIGURED)
    reason = DISARMED_MIDWAY if is_midway else None if machine.reason in _TILL_DISARMED else machine.reason
    return replace(machine, armed=False, boot=None, token=None, spent=_spent(machine), issued=(), reason=reason)


def _spent(machine: Machine) -> tuple[str, ...]:
    newest = () if machine.token is None else (machine.token.sha256,)
    return (*newest, *machine.spent)[:SPENT_KEPT]

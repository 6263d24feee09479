"""A machine's state as JSON, the form in which the database keeps it, and back. Pure."""

from __future__ import annotations

from datetime import datetime
from ipaddress import IPv4Address
from typing import Any

from kboot_clusterdesc import Mac, Phase
from kboot_clusterdesc.phase import MAY_BE_INSTALLED

from .machine import BootValue, Machine, Token


def as_json(machine: Machine) -> dict[str, Any]:
    """Return a machine's state in the form that the database keeps."""
    token, boot = machine.token, machine.boot
    return {
        "mac": machine.mac,
        "since": machine.since.isoformat(),
        "phase": machine.phase,
        "phases": {phase: at.isoformat() for phase, at in machine.phases.items()},
        "armed": machine.armed,
        "boot": boot
        and {
            "sha256": boot.sha256,
            "given_at": boot.given_at.isoformat(),
            "shown_from": boot.shown_from and str(boot.shown_from),
            "is_proven": boot.is_proven,
        },
        "token": token
        and {
            "sha256": token.sha256,
            "used_at": token.used_at and token.used_at.isoformat(),
            "used_from": token.used_from and str(token.used_from),
        },
        "spent": machine.spent,
        "issued": machine.issued,
        "boots": machine.boots,
        "release": machine.release,
        "reason": machine.reason,
        "bytes_done": machine.bytes_done,
        "bytes_total": machine.bytes_total,
        "config": machine.config,
        "version": machine.version,
        "remark": machine.remark,
        "ssh_host_keys": machine.ssh_host_keys,
        "install_disk": machine.install_disk,
        "disks": machine.disks,
        "cards": machine.cards,
        "failure": machine.failure,
        "install_log": machine.install_log,
        "failed_units": machine.failed_units,
        "may_be_installed": machine.may_be_installed,
        "boot_partition": machine.boot_partition,
        "was": machine.was,
        "armed_cards": machine.armed_cards,
    }


def from_json(plain: dict[str, Any]) -> Machine:
    """Return the machine's state out of what `as_json` of this or an older kboot made."""
    token, boot = plain["token"], plain.get("boot")  # a row that an older kboot wrote has no `boot`
    return Machine(
        mac=Mac(plain["mac"]),
        since=datetime.fromisoformat(plain["since"]),
        phase=Phase(plain["phase"]),
        phases={Phase(phase): datetime.fromisoformat(at) for phase, at in plain["phases"].items()},
        armed=plain["armed"],
        boot=boot
        and BootValue(
            boot["sha256"],
            datetime.fromisoformat(boot["given_at"]),
            boot["shown_from"] and IPv4Address(boot["shown_from"]),
            boot.get("is_proven", False),
        ),
        token=token
        and Token(
            token["sha256"],
            token["used_at"] and datetime.fromisoformat(token["used_at"]),
            token["used_from"] and IPv4Address(token["used_from"]),
        ),
        spent=tuple(plain["spent"]),
        issued=tuple(plain.get("issued", [token["sha256"]] if token else [])),  # the first kboots kept the newest
        boots=plain.get("boots", 0),
        release=plain["release"],
        reason=plain["reason"],
        bytes_done=plain["bytes_done"],
        bytes_total=plain["bytes_total"],
        config=plain["config"],
        version=plain["version"],
        remark=plain.get("remark"),
        ssh_host_keys=tuple(plain.get("ssh_host_keys", ())),
        install_disk=plain.get("install_disk"),
        disks=tuple(plain.get("disks", ())),
        cards=tuple(plain.get("cards", ())),
        failure=plain.get("failure"),
        install_log=tuple(plain.get("install_log", ())),
        failed_units=tuple(plain.get("failed_units", ())),
        may_be_installed=plain.get("may_be_installed", plain["reason"] in MAY_BE_INSTALLED),
        boot_partition=plain.get("boot_partition"),
        was=tuple(map(Mac, plain.get("was", ()))),
        armed_cards=None if (cards := plain.get("armed_cards")) is None else tuple(map(Mac, cards)),
    )

"""What is said to do next, by how a machine is."""

from __future__ import annotations

from typing import Any

import pytest

from kboot_cloudconfig.machine import DISARMED_MIDWAY, RUNS_ARMED
from kboot_cloudconfig.next_steps import TRIES_AGAIN, next_steps
from kboot_clusterdesc import Phase
from kboot_clusterdesc.phase import CARDS_CHANGED, INSTALLED_SINCE, STATE_LOST
from support.shown_node import node_state

_REINSTALL, _LOGS = "kboot node reinstall node1", "kboot logs node1"
_DISARM, _SSH = "kboot node disarm node1", "ssh core@10.10.14.1"
_BAD_IMAGE = "flatcar-install could not write stable 4152.2.3 to /dev/sda: gpg: BAD signature"
_NO_DISK = "install_disk /dev/disk/by-id/ata-A does not exist on this machine"
_NOT_EMPTY = "/dev/sda is not empty (gpt): name it with install_disk, or write wipe: true"
_CONFIGURED = {Phase.CONFIGURED: "2026-11-29T09:00:00Z"}
_UNIT = {"name": "shop.service", "lines": ["shop: no database"]}


def _commands(*, is_silent: bool = False, in_kubernetes: bool = True, **of: Any) -> list[str | None]:
    steps = next_steps(node_state(**of), in_kubernetes=in_kubernetes, is_silent=is_silent)
    assert all(step["why"] for step in steps)
    return [step["command"] for step in steps]


@pytest.mark.parametrize(
    ("phase", "of", "commands"),
    [
        (Phase.FAILED, {"armed": True, "reason": _NO_DISK}, [None, "kboot up FILE", None]),
        (Phase.FAILED, {"armed": True, "reason": _NOT_EMPTY}, [None, "kboot up FILE", None]),
        (Phase.FAILED, {"armed": True, "reason": _BAD_IMAGE}, ["kboot os verify", _LOGS, None]),
        (Phase.FAILED, {"armed": True, "reason": "the node config was not given"}, [_LOGS, None]),
        (Phase.FAILED, {"armed": True, "version": "4152.2.3"}, [_LOGS, None, _DISARM]),
        (Phase.FAILED, {"armed": True, "version": "4152.2.3", "phases": _CONFIGURED}, [_LOGS, None]),
        (Phase.FAILED, {}, [_REINSTALL]),
        (Phase.WAITING, {"reason": STATE_LOST}, [_REINSTALL, "kboot node settle"]),
        (Phase.LEASED, {"reason": CARDS_CHANGED}, [_REINSTALL, "kboot node settle"]),
        (Phase.WAITING, {}, [_REINSTALL]),
        (Phase.WAITING, {"armed": True}, ["kboot events --follow --node node1"]),
        (Phase.LEASED, {"armed": True, "overdue": "for more than 10 minutes"}, ["kboot logs dnsmasq"]),
        (Phase.BOOTING, {"armed": True, "overdue": "long"}, [f"{_LOGS} --follow"]),
        (Phase.BOOTING, {"reason": DISARMED_MIDWAY}, [_REINSTALL]),
        (Phase.BOOTING, {"armed": True, "reason": "install.sh was asked for from elsewhere"}, [f"{_LOGS} --follow"]),
        (Phase.CONFIGURED, {"armed": True}, [f"{_LOGS} --follow"]),
        (Phase.CONFIGURED, {"armed": True, "version": "4152.2.3"}, [f"{_LOGS} --follow"]),
        (Phase.CONFIGURED, {"reason": DISARMED_MIDWAY}, [_REINSTALL]),
        (
            Phase.INSTALLING,
            {"armed": True, "reason": f"{TRIES_AGAIN}{_NO_DISK}"},
            [None, None, "kboot up FILE"],
        ),
        (Phase.INSTALLED, {}, [f"{_LOGS} --follow"]),
        (Phase.INSTALLED, {"overdue": "not told"}, [_LOGS, _REINSTALL]),
        (Phase.RUNNING, {}, []),
        (Phase.READY, {"config": "outdated"}, ["kboot upgrade"]),
        (
            Phase.READY,
            {"failed_units": [_UNIT]},
            [
                f"{_SSH} systemctl status shop.service",
                f"{_SSH} sudo systemctl restart shop.service",
            ],
        ),
        (
            Phase.RUNNING,
            {"reason": "its node is not Ready"},
            [_LOGS, f"{_SSH} journalctl --boot --priority=warning"],
        ),
        (
            Phase.RUNNING,
            {"armed": True, "reason": RUNS_ARMED, "version": "4152.2.3", "phases": _CONFIGURED},
            [_LOGS, f"{_SSH} journalctl --boot --priority=warning", _DISARM],
        ),
        (Phase.RUNNING, {"reason": INSTALLED_SINCE, "version": "4152.2.3"}, [_DISARM, _REINSTALL]),
        (Phase.RUNNING, {"joined": True}, ['- {mac: "52:54:00:00:00:01", roles: [worker]}']),
    ],
)
def test_each_state_leads_on(phase: Phase, of: dict[str, Any], commands: list[str | None]) -> None:
    assert _commands(phase=phase, **of) == commands


def test_a_machine_without_kubernetes_is_brought_the_config_by_itself() -> None:
    assert _commands(config="outdated", in_kubernetes=False) == ["kboot node apply node1"]


@pytest.mark.parametrize(
    ("armed", "then"), [(False, "boots from its disk"), (True, "its next boot from the network installs it")]
)
def test_a_machine_that_does_not_answer_is_looked_after_where_it_stands(armed: bool, then: str) -> None:
    step, *others = next_steps(node_state(armed=armed, reason="off"), in_kubernetes=True, is_silent=True)
    assert step["command"] is None
    assert "power" in step["why"]
    assert then in step["why"]
    assert [each["command"] for each in others] == []

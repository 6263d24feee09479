"""What is said to be typed next, by how far a machine is."""

from __future__ import annotations

import pytest

from kboot.running.advice import next_commands, state_in_words
from kboot_clusterdesc.phase import STATE_LOST
from support.statuses import machine


@pytest.mark.parametrize(
    ("phase", "other", "commands"),
    [
        ("failed", {"reason": "no disk"}, ["kboot logs node1", "kboot node reinstall node1"]),
        ("waiting", {"reason": STATE_LOST}, ["kboot node reinstall node1", "kboot node settle"]),
        ("waiting", {"armed": True}, ["kboot events --follow --node node1"]),
        ("waiting", {}, ["kboot node reinstall node1"]),
        ("leased", {"armed": True, "overdue": "leased for more than 10 minutes"}, ["kboot logs dnsmasq"]),
        ("configured", {"armed": True}, ["kboot logs node1 --follow"]),
        ("configured", {"reason": "disarmed before its install was done"}, ["kboot node reinstall node1"]),
        ("installed", {}, ["kboot logs node1 --follow"]),
        ("installed", {"overdue": "not told"}, ["kboot logs node1", "kboot node reinstall node1"]),
        ("running", {"overdue": "its node is not Ready"}, ["kboot logs node1"]),
        ("ready", {"failed_units": [{"name": "containerd.service", "lines": []}]}, ["kboot logs node1"]),
        ("running", {"config": "outdated"}, ["kboot node apply node1"]),
        ("ready", {}, []),
    ],
)
def test_each_state_leads_on(phase: str, other: dict[str, object], commands: list[str]) -> None:
    node = machine(1, phase, **other)
    assert next_commands(node) == commands
    assert state_in_words(node)

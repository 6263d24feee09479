"""How a machine is that has no reason of its own, in words."""

from __future__ import annotations

import pytest

from kboot.running.advice import state_in_words
from support.statuses import machine


@pytest.mark.parametrize(
    ("phase", "armed", "said"),
    [
        ("waiting", True, "switch it on"),
        ("waiting", False, "not armed"),
        ("leased", True, "waits for a boot"),
        ("leased", False, "not armed"),
        ("configured", True, "on the way"),
        ("installed", False, "on the way"),
        ("running", False, "runs from its disk"),
        ("ready", False, "Ready"),
    ],
)
def test_each_phase_has_its_words(phase: str, armed: bool, said: str) -> None:
    assert said in state_in_words(machine(1, phase, armed=armed))

"""A phase that lasts longer than it can."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kboot_cloudconfig import machine
from kboot_cloudconfig.overdue import BOOTS, overdue
from kboot_clusterdesc import Mac, Phase

NOW = datetime(2026, 1, 1, tzinfo=UTC)
_ENDLESS = (Phase.DISCOVERED, Phase.WAITING, Phase.READY, Phase.FAILED)


def said(phase: Phase, minutes: float, *, armed: bool = True, ready: bool = True, slow: bool = False) -> str | None:
    since = NOW - timedelta(minutes=minutes)
    return overdue(phase, since, NOW, is_armed=armed, becomes_ready=ready, is_slow=slow)


@given(
    st.sampled_from(sorted(Phase)), st.floats(0, 5000), st.floats(0, 5000), st.booleans(), st.booleans(), st.booleans()
)
def test_what_is_overdue_stays_so_in_the_same_words(
    phase: Phase, minutes: float, more: float, armed: bool, ready: bool, slow: bool
) -> None:
    first = said(phase, minutes, armed=armed, ready=ready, slow=slow)
    later = said(phase, minutes + more, armed=armed, ready=ready, slow=slow)
    assert first in (None, later)


@pytest.mark.parametrize("phase", [phase for phase in Phase if phase not in _ENDLESS])
def test_each_phase_that_ends_by_itself_is_overdue_some_time_and_says_what_to_try(phase: Phase) -> None:
    assert said(phase, 5) is None
    words = said(phase, 24 * 60)
    assert words is not None
    assert words.startswith(f"{phase} for more than ")
    assert ": " in words


@pytest.mark.parametrize("phase", [phase for phase in Phase if phase not in _ENDLESS])
def test_a_clock_that_was_set_back_by_years_hides_no_machine_that_stands_still(phase: Phase) -> None:
    assert said(phase, -4000 * 24 * 60) is not None
    assert said(phase, -5) is None


def test_a_machine_that_boots_again_and_again_is_overdue_though_each_boot_is_young() -> None:
    state = machine.declared(Mac("52:54:00:00:00:01"), NOW)
    for number in range(1, 7):
        now = NOW + number * timedelta(minutes=6)
        state = machine.fetched_boot_script(state, "1.0.0", f"{number}", now)
        state = machine.fetched_boot_script(state, "1.0.0", f"{number}, asked again", now)
        if number % 2:
            state = machine.fetched_installer(state, f"{number}", now)
        words = overdue(state.phase, state.since, now, is_armed=True, becomes_ready=True, boots=state.boots)
        assert (words is not None) is (number > BOOTS), number
    assert words is not None
    assert words.startswith("booted more than 4 times and not installed yet: ")
    assert machine.arm(machine.finished_install(state, NOW), NOW).boots == 0


@pytest.mark.parametrize("phase", _ENDLESS)
def test_what_may_last_for_ever_is_never_overdue(phase: Phase) -> None:
    assert said(phase, 10**6) is None


def test_nothing_is_expected_of_a_machine_that_is_not_armed_or_has_no_kubernetes() -> None:
    for phase in (Phase.LEASED, Phase.BOOTING, Phase.INSTALLING, Phase.CONFIGURED):
        assert said(phase, 10**6, armed=False) is None
    assert said(Phase.INSTALLED, 10**6, armed=False) is not None
    assert said(Phase.RUNNING, 10**6, armed=False, ready=False) is None
    assert said(Phase.RUNNING, 10**6, armed=False) is not None


def test_slow_machines_have_three_times_as_long() -> None:
    assert (said(Phase.BOOTING, 20), said(Phase.BOOTING, 59, slow=True)) == (None, None)
    assert said(Phase.BOOTING, 21) is not None
    assert said(Phase.BOOTING, 61, slow=True) is not None

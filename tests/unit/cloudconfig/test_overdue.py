"""A phase that lasts longer than it can."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kboot_cloudconfig.overdue import overdue
from kboot_clusterdesc import Phase

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

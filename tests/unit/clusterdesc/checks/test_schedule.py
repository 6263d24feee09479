"""Times of updates: a schedule that comes, a window within a day."""

from __future__ import annotations

import pytest

from unit.clusterdesc.sample import (
    accepted,
    os,
    refusal,
    refused_keys,
)


@pytest.mark.parametrize("cron", ["0 3 31 2 *", "0 3 30 2 *", "0 3 31 4,6,9,11 *", "0 3 30-31 feb *"])
def test_a_schedule_that_never_comes_is_refused(cron: str) -> None:
    text = os(f'update: {{schedule: "{cron}"}}')
    assert refused_keys(text) == ["os.update.schedule"]
    assert "never comes" in refusal(text)


@pytest.mark.parametrize(
    "cron", ["0 3 29 2 *", "0 3 31 2,3 *", "*/5 1-5/2 * jan-mar mon-fri", "0 3 */10 2 *", "0 0 * * 7"]
)
def test_a_schedule_that_comes_at_all_passes(cron: str) -> None:
    assert accepted(os(f'update: {{schedule: "{cron}"}}')).os.update.schedule == cron


def test_a_window_longer_than_a_day_is_refused() -> None:
    assert refused_keys(os('update: {window: {start: "03:00", length: 2d}}')) == ["os.update.window.length"]

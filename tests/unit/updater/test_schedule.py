"""When checks run."""

from __future__ import annotations

from datetime import UTC, datetime
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest

from kboot_updater.schedule import cron_trigger, due_sooner, retry_delay_s, time_zone


def next_run(schedule: str, after: datetime, zone: str = "UTC") -> datetime:
    """The first run from `after` on, in UTC."""
    found = cron_trigger(schedule, time_zone(zone) or UTC).get_next_fire_time(None, after)
    assert isinstance(found, datetime)
    return found.astimezone(UTC)


MONDAY = datetime(2024, 1, 1, 12, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("schedule", "expected"),
    [
        ("0 3 * * *", datetime(2024, 1, 2, 3, 0, tzinfo=UTC)),
        ("*/20 * * * *", datetime(2024, 1, 1, 12, 0, tzinfo=UTC)),
        ("0 3 * * 0", datetime(2024, 1, 7, 3, 0, tzinfo=UTC)),
        ("0 3 * * 7", datetime(2024, 1, 7, 3, 0, tzinfo=UTC)),
        ("0 3 * * mon", datetime(2024, 1, 8, 3, 0, tzinfo=UTC)),
        ("0 3 15 * 3", datetime(2024, 1, 3, 3, 0, tzinfo=UTC)),
        ("0 3 2 * 0", datetime(2024, 1, 2, 3, 0, tzinfo=UTC)),
    ],
)
def test_a_schedule_means_what_crontab_says(schedule: str, expected: datetime) -> None:
    assert next_run(schedule, MONDAY) == expected


@pytest.mark.parametrize("schedule", ["0 3 * * *", "0 3 15 * 3"])
def test_a_check_that_is_due_years_ahead_since_the_clock_was_set_back_comes_at_its_time(schedule: str) -> None:
    trigger = cron_trigger(schedule)
    due = trigger.get_next_fire_time(None, MONDAY)
    ahead = trigger.get_next_fire_time(None, MONDAY.replace(year=2040))
    assert due_sooner(trigger, ahead, MONDAY) == due
    for now in (MONDAY, due, due.replace(hour=4), MONDAY.replace(year=2040)):
        assert due_sooner(trigger, due, now) is None


def test_a_schedule_is_in_the_time_zone_of_the_description() -> None:
    assert next_run("0 3 * * *", MONDAY, "Asia/Tokyo") == datetime(2024, 1, 1, 18, 0, tzinfo=UTC)


def test_a_night_without_that_hour_passes_and_the_next_has_one() -> None:
    before = datetime(2024, 3, 30, 12, 0, tzinfo=ZoneInfo("Europe/Berlin"))
    assert next_run("30 2 * * *", before, "Europe/Berlin") <= datetime(2024, 4, 1, 0, 30, tzinfo=UTC)


@pytest.mark.parametrize("name", ["Nowhere/Atall", "", "/etc/passwd", "../UTC"])
def test_a_time_zone_that_is_not_known_is_none(name: str) -> None:
    assert time_zone(name) is None


def test_tries_grow_rarer_up_to_a_limit() -> None:
    delays = [retry_delay_s(attempt, refused=False) for attempt in range(1, 40)]
    assert delays[0] == 5
    assert delays[-1] == 600
    assert all(first <= second for first, second in pairwise(delays))


def test_a_refused_release_is_asked_for_less_often() -> None:
    assert retry_delay_s(1, refused=True) == 60
    assert retry_delay_s(40, refused=True) == 3600


@pytest.mark.parametrize("refused", [True, False])
def test_without_any_release_the_server_is_asked_each_minute(refused: bool) -> None:
    assert retry_delay_s(40, refused=refused, serving=False) == 60

"""When machines may reboot, by the clock of their time zone."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kboot_cloudconfig.rollout_step import step
from kboot_cloudconfig.update_window import closed_for_good, is_open, zone_of
from kboot_clusterdesc.model import Window
from support.played_rack import PlayedRack, W


def _at(text: str) -> datetime:
    return datetime.fromisoformat(f"2026-07-01T{text}+00:00")


@pytest.mark.parametrize(
    ("time", "expected"),
    [("21:59", False), ("22:00", True), ("23:59", True), ("00:30", True), ("01:59", True), ("02:00", False)],
)
def test_a_window_that_lasts_past_midnight_is_open_until_its_end(time: str, expected: bool) -> None:
    assert is_open(Window(start="22:00", length="4h"), UTC, _at(time)) is expected


def test_it_opens_by_the_clock_of_the_machines() -> None:
    window, zone = Window(start="03:00", length="1h"), zone_of("Europe/Berlin")
    assert is_open(window, zone, _at("01:30"))
    assert not is_open(window, zone, _at("03:30"))


def test_without_a_window_it_is_always_open() -> None:
    assert is_open(None, UTC, _at("12:00"))
    assert is_open(None, zone_of("Nowhere/Else"), _at("12:00"))
    assert closed_for_good(None, "Nowhere/Else") is None


def test_by_a_clock_that_nobody_knows_it_never_opens_and_says_why() -> None:
    window = Window(start="00:00", length="24h")
    assert is_open(window, zone_of("Europe/Berlin"), _at("12:00"))
    assert not is_open(window, zone_of("Nowhere/Else"), _at("12:00"))
    why = "`os.timezone: Nowhere/Else` is not known here, so `os.update.window` stays shut"
    assert closed_for_good(window, "Nowhere/Else") == why
    assert closed_for_good(window, "Europe/Berlin") is None
    rack = PlayedRack.of(W, is_open=False)
    for mac in rack.machines:
        rack.ask(mac)
    assert step(rack.rollout, replace(rack.view, closed_for_good=why), rack.now).reason == why


@given(st.integers(0, 23), st.integers(0, 59), st.integers(1, 24), st.integers(0, 7 * 24 * 60))
def test_each_day_it_is_open_as_long_as_it_says(hour: int, minute: int, hours: int, begin: int) -> None:
    window = Window(start=f"{hour:02}:{minute:02}", length=f"{hours}h")
    first = datetime(2026, 1, 5, tzinfo=UTC) + timedelta(minutes=begin)
    quarters = [first + timedelta(minutes=15 * i) for i in range(4 * 24)]
    assert sum(is_open(window, UTC, at) for at in quarters) == 4 * hours

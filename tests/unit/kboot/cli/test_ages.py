"""Lengths of time in few letters."""

from __future__ import annotations

import pytest

from kboot.cli.ages import age, length
from support.statuses import NOW, stamp


@pytest.mark.parametrize(
    ("seconds", "said"),
    [
        (-3, "0s"), (0, "0s"), (119, "119s"), (120, "2m"), (7199, "119m"),
        (7200, "2h"), (172_799, "47h"), (172_800, "2d"), (86_400 * 400, "400d"),
    ],
)  # fmt: skip
def test_a_length_is_said_in_the_largest_unit_that_it_has_two_of(seconds: float, said: str) -> None:
    assert length(seconds) == said


def test_an_age_is_counted_from_a_time_of_the_server() -> None:
    assert age(stamp(300), NOW) == "5m"
    assert age(None, NOW) == "-"

"""Which release is in force where the channel moves, forward or back, and what an operator's word changes."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kboot_clusterdesc.os_choice import Choice, read_choice, write_choice
from kboot_updater.choice import followed

OLD, MIDDLE, NEW = "3850.2.0", "3975.2.0", "4081.2.0"


@pytest.mark.parametrize(
    ("published", "current", "choice", "wanted"),
    [
        (OLD, None, None, OLD),
        (NEW, OLD, None, NEW),
        (OLD, NEW, None, NEW),  # it went back, and nobody said to follow
        (MIDDLE, OLD, Choice(OLD, over=MIDDLE), OLD),
        (NEW, OLD, Choice(OLD, over=MIDDLE), NEW),  # a newer one than the one that was passed over
        (OLD, MIDDLE, Choice(NEW, over=OLD), NEW),
        (OLD, None, Choice(NEW, over=OLD), NEW),
    ],
)
def test_the_release_in_force_follows(published: str, current: str | None, choice: Choice | None, wanted: str) -> None:
    assert followed(published, current, choice) == wanted


def test_a_choice_is_read_as_it_was_written() -> None:
    choice = Choice(OLD, over=NEW)
    assert read_choice(write_choice(choice)) == choice


@given(st.binary() | st.sampled_from([b"{}", b'{"version": "../x", "over": "1.2.3"}', b'{"version": 1, "over": 2}']))
def test_what_keeps_no_choice_is_refused_in_one_way(text: bytes) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - its words are free
        read_choice(text)

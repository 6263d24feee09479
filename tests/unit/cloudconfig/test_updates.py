"""By what a machine is known that asks for updates from elsewhere."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import reduce
from ipaddress import IPv4Address
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kboot_cloudconfig.store import Store
from kboot_cloudconfig.update_history import (
    Entry,
    History,
    fell_back_from,
    from_json,
    installed,
    newest_failure,
    with_entry,
)
from kboot_cloudconfig.update_step import Step
from kboot_cloudconfig.updates import Updates
from kboot_clusterdesc import Mac

FIRST, SECOND = Mac("52:54:00:00:00:01"), Mac("52:54:00:00:00:02")
HERE, THERE = IPv4Address("10.10.14.1"), IPv4Address("10.10.14.2")


@pytest.fixture
def updates(tmp_path: Path) -> Updates:
    return Updates(Store(tmp_path / "kboot.db", datetime(2026, 6, 1, tzinfo=UTC), is_marked=False).updates)


def test_a_machine_is_known_where_its_token_was_shown_last_and_nowhere_before(updates: Updates) -> None:
    updates.note_address(FIRST, HERE)
    updates.note_address(FIRST, THERE)
    assert updates.machine_of(HERE, "") == (None, False)
    assert updates.machine_of(THERE, "") == (FIRST, True)


def test_an_address_that_another_machine_has_now_is_that_ones(updates: Updates) -> None:
    updates.note_address(FIRST, HERE)
    updates.note_address(SECOND, HERE)
    updates.note_address(FIRST, THERE)
    assert updates.machine_of(HERE, "") == (SECOND, True)
    assert updates.machine_of(THERE, "") == (FIRST, True)


def test_an_address_counts_more_than_a_machine_id_of_which_the_newest_is_known(updates: Updates) -> None:
    for number in range(100):
        updates.note_machine_id(FIRST, f"{number:032x}")
    updates.note_address(SECOND, HERE)
    assert updates.machine_of(HERE, f"{99:032x}") == (SECOND, True)
    assert updates.machine_of(THERE, f"{99:032x}") == (FIRST, False)
    assert updates.machine_of(THERE, f"{98:032x}") == (None, False)


def test_nobody_is_known_by_what_was_not_told(updates: Updates) -> None:
    updates.note_address(FIRST, None)
    updates.note_machine_id(FIRST, "")
    assert updates.machine_of(None, "") == (None, False)


def test_a_failure_counts_for_the_release_that_was_offered_and_from_the_machines_own_address_alone() -> None:
    own = Entry(NOW, Step.FAILED, "4230.2.0", "4230.2.3", "no", is_near=True)
    later = NOW + timedelta(seconds=1)
    far = Entry(later, Step.FAILED, "4230.2.0", "4230.2.3", "another")
    again = Entry(NOW, Step.OFFERED, "4230.2.0", "4230.2.3")
    assert newest_failure((own, again, far), "4230.2.3", later) == own
    assert newest_failure((own,), "4300.0.0", later) is None
    assert newest_failure((far,), "4230.2.3", later) is None
    told = with_entry(with_entry((), replace(own, is_near=False)), own)
    assert (len(told), newest_failure(told, "4230.2.3", later)) == (1, own)


def test_a_failure_that_came_after_the_machines_word_hides_none_that_came_before_it() -> None:
    first = Entry(NOW, Step.FAILED, "4230.2.0", "4230.2.3", "no", is_near=True)
    offered = Entry(NOW + timedelta(seconds=59), Step.OFFERED, "4230.2.0", "4230.2.3")
    second = replace(first, at=NOW + timedelta(seconds=61))
    told = (first, offered, second)
    words = [NOW + timedelta(seconds=at) for at in (-1, 60, 120)]
    assert [newest_failure(told, "4230.2.3", word) for word in words] == [None, first, second]


NOW = datetime(2026, 6, 1, tzinfo=UTC)
_STEPS = st.lists(st.sampled_from(list(Step)).map(lambda step: Entry(NOW, step, "4230.2.0", "4230.2.3")))


@given(_STEPS, st.lists(st.sampled_from([Step.OFFERED, Step.FAILED, Step.DEFERRED])))
def test_what_was_installed_waits_for_its_reboot_until_a_boot_is_told(before: list[Entry], later: list[Step]) -> None:
    after = [Entry(NOW, step, "4230.2.0", "4300.0.0") for step in later]
    told = Entry(NOW, Step.INSTALLED, "4230.2.0", "4230.2.3")
    assert installed((*before, told, *after)) == "4230.2.3"
    for step in (Step.DROPPED, Step.BOOTED, Step.ROLLED_BACK):
        assert installed((*before, told, Entry(NOW, step), *after)) is None


def test_that_a_machine_runs_the_release_it_went_back_from_is_its_own_word_alone() -> None:
    back = Entry(NOW, Step.ROLLED_BACK, "4230.2.3", "4230.2.0")
    begun: History = (back,)
    told = Entry(NOW, Step.BOOTED, "4230.2.0", "4230.2.3")
    reported = replace(told, is_reported=True)
    assert fell_back_from((back,)) == "4230.2.3"
    assert fell_back_from(with_entry((back,), told)) == "4230.2.3"
    for steps in ([reported], [told, reported], [reported, told]):
        history = reduce(with_entry, steps, begun)
        assert len(history) == 2
        assert fell_back_from(history) == ""
        assert from_json(each.row for each in history) == history

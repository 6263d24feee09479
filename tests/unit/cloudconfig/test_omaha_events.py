"""What update clients tell becomes steps of a history, with error codes in words."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kboot_cloudconfig.omaha_errors import words_of
from kboot_cloudconfig.omaha_events import entry_of
from kboot_cloudconfig.omaha_request import App, ClientEvent
from kboot_cloudconfig.update_history import ENTRIES_KEPT, Entry, fell_back_from, from_json, installed, with_entry
from kboot_cloudconfig.update_step import Step

NOW = datetime(2026, 6, 1, tzinfo=UTC)
OLD, NEW = "4230.2.0", "4230.2.3"
APP = App("{e96281a6-d1af-4bde-9a0a-97b76e56dc57}", OLD, "stable")
OFFERED = (Entry(NOW, Step.OFFERED, OLD, NEW),)


@pytest.mark.parametrize(
    ("event", "entry"),
    [
        (ClientEvent(13, 1), Entry(NOW, Step.DOWNLOADING, OLD, NEW)),
        (ClientEvent(14, 1), Entry(NOW, Step.DOWNLOADED, OLD, NEW)),
        (ClientEvent(3, 1), Entry(NOW, Step.INSTALLED, OLD, NEW)),
        (
            ClientEvent(3, 0, 9 | 1 << 28),
            Entry(NOW, Step.FAILED, OLD, NEW, "the download broke off, or the file is not there (error 9)"),
        ),
        (
            ClientEvent(3, 9, 40),
            Entry(NOW, Step.DEFERRED, OLD, NEW, "it takes this update later, since an earlier try failed (error 40)"),
        ),
    ],
)
def test_each_word_of_a_client_is_a_step_to_the_release_that_it_was_offered(event: ClientEvent, entry: Entry) -> None:
    assert entry_of(event, APP, OFFERED, NOW) == entry


def test_the_first_check_after_a_boot_into_a_new_release_says_from_which() -> None:
    after = App(APP.app_id, NEW, "stable")
    assert entry_of(ClientEvent(3, 2, 0, OLD), after, OFFERED, NOW) == Entry(NOW, Step.BOOTED, OLD, NEW)


@pytest.mark.parametrize("before", ["", "0.0.0.0"])  # noqa: S104 - a version
def test_the_first_check_after_any_other_boot_is_no_step(before: str) -> None:
    assert entry_of(ClientEvent(3, 2, 0, before), APP, OFFERED, NOW) is None


def test_a_machine_that_fell_back_runs_the_release_before() -> None:
    entry = entry_of(ClientEvent(3, 0, 44), APP, OFFERED, NOW)
    assert entry is not None
    assert (entry.step, entry.from_version, entry.to_version) == (Step.ROLLED_BACK, NEW, OLD)
    assert entry.error == "the new OS did not come up, and the machine went back to the one before (error 44)"


def test_a_machine_that_dropped_what_it_had_installed_and_never_rebooted_did_not_fall_back() -> None:
    dropped = (*OFFERED, Entry(NOW, Step.INSTALLED, OLD, NEW), Entry(NOW, Step.DROPPED, OLD, NEW, is_reported=True))
    assert (installed(dropped[:-1]), installed(dropped)) == (NEW, None)
    assert entry_of(ClientEvent(3, 0, 44 | 1 << 28), APP, dropped, NOW) is None
    assert entry_of(ClientEvent(3, 0, 9), APP, dropped, NOW) is not None


def test_a_failure_of_a_check_that_was_offered_nothing_names_no_release() -> None:
    current = App(APP.app_id, NEW, "stable")
    entry = entry_of(ClientEvent(3, 0, 2503), current, OFFERED, NOW)
    assert entry == Entry(NOW, Step.FAILED, NEW, "", "the update check was answered HTTP 503 (error 2503)")


@pytest.mark.parametrize("event", [ClientEvent(-1, -1), ClientEvent(5, 1), ClientEvent(3, 7)])
def test_a_word_that_nobody_knows_is_no_step(event: ClientEvent) -> None:
    assert entry_of(event, APP, OFFERED, NOW) is None


@pytest.mark.parametrize(
    ("code", "words"),
    [
        (268435490, "the answer to the update check is not one that it takes (error 34)"),
        (29 | 1 << 28 | 1 << 30, "it came wrong over the network, or the file is not what it was (error 29)"),
        (-2147483638, "has another hash than the answer says (error 10)"),
        (2404 | 1 << 28, "the update check was answered HTTP 404 (error 2404)"),
        (999, "failed for a reason that kboot does not know (error 999)"),
    ],
)
def test_error_codes_are_told_in_words_whatever_flags_they_carry(code: int, words: str) -> None:
    assert words_of(code).endswith(words)


@given(st.integers(-(2**31), 2**32))
def test_every_code_has_words_and_its_number(code: int) -> None:
    assert words_of(code).endswith(f"(error {code & 0xFFFFFFF})")


def test_a_step_that_is_told_again_is_kept_once() -> None:
    again = Entry(NOW + timedelta(minutes=45), Step.OFFERED, OLD, NEW)
    assert with_entry(OFFERED, again) is OFFERED


def test_the_release_that_a_machine_went_back_from_is_known_until_it_has_run_it() -> None:
    back, ran = Entry(NOW, Step.ROLLED_BACK, NEW, OLD), Entry(NOW, Step.BOOTED, OLD, NEW, is_reported=True)
    assert fell_back_from(OFFERED) == ""
    assert fell_back_from((*OFFERED, ran, back, *OFFERED)) == NEW
    assert fell_back_from((*OFFERED, back, ran)) == ""


def test_the_oldest_steps_are_forgotten() -> None:
    history: tuple[Entry, ...] = ()
    for number in range(100):
        history = with_entry(history, Entry(NOW, Step.OFFERED, OLD, f"{number}.0.0"))
    assert [entry.to_version for entry in history] == [f"{number}.0.0" for number in range(100 - ENTRIES_KEPT, 100)]


@given(st.sampled_from(Step), st.text(max_size=9), st.text(max_size=9), st.text(max_size=9))
def test_a_history_is_read_back_as_it_was_kept(step: Step, before: str, after: str, error: str) -> None:
    history = (Entry(NOW, step, before, after, error),)
    assert from_json(dict(entry.state) for entry in history) == history

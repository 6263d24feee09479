"""Which refusals are told, however often who is refused asks."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from ipaddress import IPv4Address

from kboot_cloudconfig.refusals import OF_A_MACHINE, TOLD_AT_MOST, TOLD_EVERY, Pace, Reasons, Refusals
from kboot_clusterdesc import Mac

NOW = datetime(2026, 1, 1, tzinfo=UTC)
MAC, OTHER = Mac("52:54:00:00:00:01"), Mac("52:54:00:00:00:02")
HERE, THERE = IPv4Address("10.0.0.11"), IPv4Address("10.0.0.12")


def test_a_refusal_is_told_once_a_minute_for_a_machine_an_address_and_a_reason() -> None:
    refusals = Refusals()
    assert refusals.note(MAC, HERE, "no-token", NOW)
    assert not any(refusals.note(MAC, HERE, "no-token", NOW + timedelta(seconds=second)) for second in range(60))
    for mac, address, reason in ((OTHER, HERE, "no-token"), (MAC, THERE, "no-token"), (MAC, HERE, "not-armed")):
        assert refusals.note(mac, address, reason, NOW)
    assert refusals.note(MAC, HERE, "no-token", NOW + TOLD_EVERY)


def test_from_many_addresses_no_more_is_told_and_kept_than_there_is_room_for() -> None:
    refusals = Refusals()
    told = [refusals.note(MAC, HERE + number, "no-token", NOW) for number in range(3 * TOLD_AT_MOST)]
    assert sum(told) == TOLD_AT_MOST
    assert refusals.note(MAC, THERE, "not-armed", NOW + TOLD_EVERY)


def test_a_clock_that_goes_back_silences_no_refusal() -> None:
    refusals = Refusals()
    assert refusals.note(MAC, HERE, "no-token", NOW)
    assert refusals.note(MAC, HERE, "no-token", NOW - timedelta(days=3650))


def test_each_machine_has_room_for_its_own_reasons_however_many_there_are() -> None:
    reasons = Reasons()
    macs = [Mac(f"52:54:00:00:{each >> 8:02x}:{each & 255:02x}") for each in range(2 * TOLD_AT_MOST)]
    assert all(reasons.note(mac, HERE, "it has no lease", NOW) for mac in macs)
    assert not any(reasons.note(mac, HERE, "it has no lease", NOW) for mac in macs)


def test_of_one_machine_no_more_reasons_are_kept_than_there_is_room_for() -> None:
    reasons = Reasons()
    told = [reasons.note(MAC, HERE + number, "it has no lease", NOW) for number in range(3 * OF_A_MACHINE)]
    assert sum(told) == OF_A_MACHINE
    assert reasons.note(OTHER, HERE, "it has no lease", NOW)
    assert reasons.note(MAC, THERE, "it has no lease", NOW + TOLD_EVERY)


def test_a_machine_has_room_for_so_many_words_a_minute_and_takes_it_from_no_other() -> None:
    pace = Pace()
    assert [pace.note(MAC, NOW) for _ in range(OF_A_MACHINE + 5)] == [True] * OF_A_MACHINE + [False] * 5
    assert pace.note(OTHER, NOW)
    assert pace.note(MAC, NOW + TOLD_EVERY)


def test_a_clock_that_was_set_back_silences_no_machine() -> None:
    pace = Pace()
    for _ in range(OF_A_MACHINE):
        pace.note(MAC, NOW)
    assert pace.note(MAC, NOW - timedelta(days=1))

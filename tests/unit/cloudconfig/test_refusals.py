"""Which refusals are told, however often who is refused asks."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from ipaddress import IPv4Address

from kboot_cloudconfig.refusals import TOLD_AT_MOST, TOLD_EVERY, Refusals
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

"""What is said of a machine that runs and does not answer."""

from __future__ import annotations

import asyncio
import socket
from datetime import UTC, datetime, timedelta
from ipaddress import IPv4Address

from kboot_cloudconfig.presence import Presence
from kboot_cloudconfig.presence_watch import answers
from kboot_clusterdesc import Mac
from support.ports import free_port

NOW = datetime(2026, 1, 1, tzinfo=UTC)
MAC = Mac("52:54:00:00:00:01")


def missing(*looks: bool) -> datetime | None:
    presence = Presence()
    for second, is_there in enumerate(looks):
        presence.note(MAC, NOW + timedelta(seconds=second), is_there=is_there)
    return presence.missing_since(MAC)


def test_a_machine_is_missing_since_it_was_last_there_after_two_looks_in_vain() -> None:
    assert missing(True, True, False, False) == NOW + timedelta(seconds=1)
    assert missing(True, False, False, False) == NOW
    for looks in ((), (True,), (True, False), (True, False, False, True), (True, False, True, False)):
        assert missing(*looks) is None


def test_who_is_heard_of_is_there_whether_it_answers_or_not() -> None:
    presence = Presence()
    for second, is_there in enumerate((True, False, False)):
        presence.note(MAC, NOW + timedelta(seconds=second), is_there=is_there)
    heard = NOW + timedelta(seconds=3)
    presence.hear(MAC, heard)
    assert presence.missing_since(MAC) is None
    for second in (4, 5):  # it went on, or filters what is asked
        assert presence.missing_since(MAC) is None
        presence.note(MAC, NOW + timedelta(seconds=second), is_there=False)
    assert presence.missing_since(MAC) == heard


def test_nothing_is_said_of_who_is_heard_of_and_never_answered() -> None:
    presence = Presence()
    presence.hear(MAC, NOW)
    presence.note(MAC, NOW, is_there=False)
    presence.note(MAC, NOW, is_there=False)
    assert presence.missing_since(MAC) is None


def test_nothing_is_said_of_a_machine_that_never_answered() -> None:
    assert missing(False, False, False) is None


def test_who_takes_a_connection_or_refuses_it_is_there() -> None:
    here = IPv4Address("127.0.0.1")
    with socket.create_server(("127.0.0.1", 0)) as listening:
        assert asyncio.run(answers(here, listening.getsockname()[1]))
    assert asyncio.run(answers(here, free_port()))

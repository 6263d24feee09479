"""Which certificate a server presents decides whether the next one takes over; the server is a list of answers."""

from __future__ import annotations

import socket
from collections.abc import Iterable

import pytest

from kboot.bring_up.served_certificate import certificate_of, take_over
from kboot.errors import NotYet

OLD, NEW = b"old", b"new"


def _run(served: Iterable[bytes | None], within_s: float = 5) -> tuple[int, list[str]]:
    """Take over the new certificate; how many restarts that took, and what was said."""
    answers, restarts, said = iter(served), list[None](), list[str]()
    take_over(lambda: next(answers), NEW, lambda: restarts.append(None), said.append, within_s)
    return len(restarts), said


def test_a_server_that_presents_what_is_in_force_is_left_alone() -> None:
    assert _run([NEW]) == (0, [])


def test_one_that_presents_another_hands_over_whoever_wrote_the_new_one() -> None:
    said = "cloudconfig: its certificate was made anew, the next server takes over with it"
    assert _run([OLD, NEW]) == (1, [said])


def test_a_hand_over_that_was_under_way_with_the_old_one_is_waited_for() -> None:
    assert _run([OLD, OLD, None, NEW])[0] == 1


def test_one_that_still_presents_another_is_told_of() -> None:
    with pytest.raises(NotYet, match="does not present the certificate that was made anew"):
        _run([OLD, OLD, OLD], within_s=0.5)


def test_where_nobody_answers_nothing_is_restarted_and_that_is_said() -> None:
    restarts, (said,) = _run([None])
    assert restarts == 0
    assert "it is not known which certificate it presents" in said


def test_a_port_without_a_server_presents_none() -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        assert certificate_of("127.0.0.1", closed.getsockname()[1]) is None

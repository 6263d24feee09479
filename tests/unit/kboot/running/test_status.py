"""What a status says of a state that was lost."""

from __future__ import annotations

from kboot.cli.status_text import status_lines
from kboot.running.status import Status

DOUBT = {"since": "2026-11-28T09:00:00Z", "reason": "kboot.db was empty", "kept": None}


def test_a_lost_state_is_one_line_with_the_way_out() -> None:
    assert status_lines(Status("ail", [], [], [], {}, doubt=DOUBT))[-1] == (
        "state: lost at 2026-11-28T09:00:00Z (kboot.db was empty): no machine is armed by itself; "
        "`kboot node reinstall NAME` arms one, `kboot node settle` ends this"
    )


def test_a_status_has_the_doubt_as_json_and_null_without_one() -> None:
    assert Status("ail", [], [], [], {}, doubt=DOUBT).as_json()["doubt"] == DOUBT
    assert Status("ail", [], [], [], {}).as_json()["doubt"] is None

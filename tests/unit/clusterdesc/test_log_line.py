"""The form of a line in the logs of the services."""

from __future__ import annotations

import json
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest

from kboot_clusterdesc.log_line import LogLevel, log_line
from unit.clusterdesc.sample import SAMPLE, accepted, refused_keys

_AT = datetime(2026, 11, 29, 19, 0, 0, 123456, timezone(timedelta(hours=1)))


def test_a_line_has_time_level_and_event_first_and_no_field_without_a_value() -> None:
    line = log_line(_AT, LogLevel.WARNING, "refused", {"mac": None, "path": Path("/boot")})
    assert line == '{"at": "2026-11-29T18:00:00.123Z", "level": "warning", "event": "refused", "path": "/boot"}'


def test_a_line_stays_one_whatever_is_in_it() -> None:
    line = log_line(_AT, LogLevel.INFO, "said", {"what": "a\nb\u2028c"})
    assert line.splitlines() == [line]
    assert json.loads(line)["what"] == "a\nb\u2028c"


@pytest.mark.parametrize(
    ("lowest", "written"),
    [
        (LogLevel.DEBUG, ["debug", "info", "warning", "error"]),
        (LogLevel.INFO, ["info", "warning", "error"]),
        (LogLevel.ERROR, ["error"]),
    ],
)
def test_lines_below_the_lowest_level_are_not_written(lowest: LogLevel, written: list[str]) -> None:
    assert [level for level in LogLevel if level.is_at_least(lowest)] == written


def test_a_description_says_the_lowest_level() -> None:
    assert accepted(SAMPLE).log_level is LogLevel.INFO
    assert accepted(SAMPLE + "log_level: debug\n").log_level is LogLevel.DEBUG
    assert refused_keys(SAMPLE + "log_level: loud\n") == ["log_level"]

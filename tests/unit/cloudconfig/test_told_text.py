"""What a machine tells in words of its own: plain, bounded, and without secrets."""

from __future__ import annotations

import json
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from kboot_cloudconfig.events import Report
from kboot_cloudconfig.told_text import LOG_CHARACTERS, LOG_LINES, FailedUnit, plain, plain_lines

_LINES = st.lists(st.text(max_size=400), max_size=60)


@given(_LINES)
def test_what_is_taken_is_bounded_and_holds_nothing_but_letters(lines: list[str]) -> None:
    fits = len(lines) <= LOG_LINES and sum(map(len, lines)) <= LOG_CHARACTERS
    try:
        taken = Report.model_validate_json(json.dumps({"phase": "failed", "log": lines})).log
    except ValidationError:
        assert not fits
        return
    assert fits
    assert len(taken) <= len(lines)
    for line in taken:
        assert line.strip()
        assert not [letter for letter in line if unicodedata.category(letter)[0] == "C"]


@given(st.lists(st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=30).map(str.rstrip), max_size=10))
def test_a_log_without_anything_odd_stays_as_it_is(lines: list[str]) -> None:
    odd = ("=", ":", "BEGIN", "$", "bearer", "basic", "whsec")
    if not any(word in line.lower() for line in lines for word in odd):
        assert plain_lines(tuple(lines)) == tuple(line for line in lines if line.strip())


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("\x1b[1;31mred\x1b[0m", "red"),
        ("\x1b]0;a title\x07after", "after"),
        ("\x1b]8;;http://evil\x1b\\link\x1b]8;;\x1b\\", "link"),
        ("a\tb\rc\nd\x00e\x7ff\x9bg", "a bcdefg"),
        ("left \u202eright\u2028\ufeff", "left right"),
        ("café ☕", "café ☕"),
        ("\x1b", ""),
    ],
)
def test_what_a_terminal_acts_on_is_removed(text: str, left: str) -> None:
    assert plain(text) == left


def test_a_secret_over_several_lines_is_left_out_whole() -> None:
    lines = ("before", "-----BEGIN RSA PRIVATE KEY-----", "MIIE", "AAAA", "-----END RSA PRIVATE KEY-----", "after")
    assert plain_lines(lines) == ("before", "<secret>", "after")
    assert plain_lines(lines[:3]) == ("before", "<secret>")
    assert plain_lines(("A" * 64, "0" * 59)) == ("<secret>", "0" * 59)
    web_token = "eyJhbGciOiJSUzI1NiJ9.eyJpc3MiOiJrdWJlIn0.c2lnbmF0dXJl"
    assert plain_lines((f"said {web_token}", "\x1b[1mpassword\x1b[0m: correct-horse")) == (
        "said <secret>",
        "password: <secret>",
    )


@pytest.mark.parametrize("name", ["etcd.service", "-.mount", "dev-disk-by\\x2dlabel.device", "getty@tty1.service"])
def test_any_unit_that_systemd_names_is_taken(name: str) -> None:
    assert FailedUnit(name=name, lines=("x",)).kept() == {"name": name, "lines": ["x"]}

"""How wide and in which colours something is printed: on a terminal, on a pipe, with NO_COLOR."""

from __future__ import annotations

import argparse
import io
import os
import pty
from collections.abc import Iterator
from typing import TextIO

import pytest

from kboot.cli.options import print_value
from kboot.cli.printing import painter, window_width
from kboot.cli.tables import Span
from support.terminal import set_window

_LINE = (Span("node1  "), Span("failed", "bold red"))


@pytest.fixture(autouse=True)
def _no_wishes(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("COLUMNS", "NO_COLOR", "FORCE_COLOR"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("TERM", "xterm-256color")


@pytest.fixture
def terminal() -> Iterator[TextIO]:
    """A terminal of 70 columns."""
    far, near = pty.openpty()
    set_window(near, 70, 16)
    with os.fdopen(near, "w") as stream:
        yield stream
    os.close(far)


def test_a_terminal_has_its_width_and_colours(terminal: TextIO) -> None:
    assert window_width(terminal) == 70
    assert painter(terminal)(_LINE) == "node1  \x1b[1;31mfailed\x1b[0m"


def test_a_pipe_is_plain_and_has_no_width() -> None:
    assert window_width(io.StringIO()) is None
    assert painter(io.StringIO())(_LINE) == "node1  failed"


def test_no_color_and_a_dumb_terminal_are_heeded(terminal: TextIO, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    assert painter(terminal)(_LINE) == "node1  failed"
    monkeypatch.delenv("NO_COLOR")
    monkeypatch.setenv("TERM", "dumb")
    assert painter(terminal)(_LINE) == "node1  failed"


def test_columns_says_how_wide_a_pipe_is_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "100")
    assert window_width(io.StringIO()) == 100


def test_yaml_has_each_name_as_a_text_whoever_reads_it(capsys: pytest.CaptureFixture[str]) -> None:
    found = [{"name": "1e3", "mac": "52:54:00:12:34:56", "unit": 3, "rack": None, "roles": ["worker"], "labels": {}}]
    print_value(argparse.Namespace(json=False, output="yaml"), found, ())
    assert capsys.readouterr().out == (
        '- name: "1e3"\n  mac: "52:54:00:12:34:56"\n  unit: 3\n  rack: null\n  roles:\n    - worker\n  labels: {}\n'
    )

"""What is drawn on a terminal, in real windows of several sizes: tmux says what is seen and what scrolled away."""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from support.places import ROOT
from support.standing import StandingCluster
from support.terminal import Window, keyboard, window

_DRAW = """
import sys
from kboot.cli.status_text import status_lines
from kboot.host.end_signals import Ended, ended_by_exception
from kboot.host.progress import Progress
from kboot.host.waiting import looks
from support.statuses import NOW, rack

def draw():
    try:
        for number, _ in enumerate(looks(float("inf"), 0.02)):
            progress.block(lambda width, height: status_lines(status, NOW, width, height))
            if number == 30:
                progress.say("said meanwhile")
    except Ended:
        raise
    except KeyboardInterrupt:
        pass
    finally:
        progress.clear()

progress, status = Progress(sys.stdout), rack(int(sys.argv[1]))
progress.say("said before")
with ended_by_exception():
    draw()
print("ended", flush=True)
sys.stdin.read()  # at its end tmux would write into the window
"""
_SIZES = [(70, 16), (100, 12), (200, 50)]


@contextmanager
def _drawn(machines: int, columns: int, rows: int) -> Iterator[Window]:
    with tempfile.TemporaryDirectory(prefix="kboot-t-") as top:
        path = f"PYTHONPATH={ROOT / 'tests'}"
        command = ["env", "-u", "NO_COLOR", path, sys.executable, "-c", _DRAW, str(machines)]
        with window(Path(top), command, columns, rows) as made:
            yield made


@pytest.mark.parametrize("machines", [3, 400])
@pytest.mark.parametrize(("columns", "rows"), _SIZES)
def test_a_block_fits_the_window_and_leaves_nothing_behind(machines: int, columns: int, rows: int) -> None:
    with _drawn(machines, columns, rows) as made:
        seen = made.wait("said meanwhile")
        assert len(seen) == rows
        assert seen[0] == f"cluster ail: 1 failed, 1 overdue{', 1 outdated' if machines > 10 else ''}"
        assert sum(row.startswith("cluster ail: ") for row in seen) == 1
        assert [row for row in seen if row.startswith("services: ")] == ["services: 5 of 5 up, the newest for 2h"]
        assert made.scrolled_away() == 0
        made.type("C-c")
        left = [row for row in made.wait("ended") if row]
        assert left == ["said before", "said meanwhile", "ended"]
        assert made.scrolled_away() == 0


def test_a_window_that_is_made_smaller_is_filled_anew() -> None:
    with _drawn(400, 200, 50) as made:
        made.wait("said meanwhile")
        made.resize(70, 16)
        seen = made.wait("…")
        assert len(seen) == 16
        assert sum(row.startswith("cluster ail: ") for row in seen) == 1
        made.type("C-c")
        made.wait("ended")
        assert made.scrolled_away() == 0


def test_a_program_that_is_told_to_end_gives_the_terminal_back() -> None:
    with _drawn(3, 70, 16) as made:
        made.wait("said meanwhile")
        pid = made.tmux("display-message", "-p", "#{pane_pid}").strip()
        assert made.tmux("display-message", "-p", "#{alternate_on}").strip() == "1"
        made.tmux("run-shell", f"kill -TERM {pid}")
        made.wait("said before")
        assert made.tmux("display-message", "-p", "#{alternate_on}").strip() == "0"


@pytest.mark.parametrize("words", [["events", "--follow"], ["watch"]], ids=" ".join)
def test_ctrl_c_ends_what_goes_on_for_ever(words: list[str], cluster: StandingCluster) -> None:
    command = [sys.executable, "-m", "kboot.cli.main", *words, "--root", str(cluster.folder.root)]
    with keyboard(command, dict(os.environ)) as typed:
        typed.wait("node2")
        typed.type("\x03")
        assert typed.end() == 130
        assert typed.shown.endswith("interrupted\n")
        assert "Traceback" not in typed.shown

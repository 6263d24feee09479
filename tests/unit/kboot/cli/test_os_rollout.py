"""What `kboot os rollout` prints, and what it refuses before it asks anybody."""

from __future__ import annotations

import argparse
import re
from typing import Any

import pytest

from kboot.cli.main import run
from kboot.cli.os_rollout import _print
from kboot.errors import ExitCode
from kboot.running.status import rollout_in_words

SINCE = "2026-11-29T03:00:00Z"


def _rollout(state: str, reason: str | None = None, **more: Any) -> dict[str, Any]:
    return {"state": state, "since": SINCE, "release": "4230.2.3", "reason": reason, "machines": [], **more}


@pytest.mark.parametrize(
    ("rollout", "said"),
    [
        (_rollout("idle"), f"no rollout is under way since {SINCE}"),
        (
            _rollout("running", "waits for `os.update.window`"),
            f"the rollout of 4230.2.3 is under way since {SINCE}: waits for `os.update.window`",
        ),
        (_rollout("paused", "paused by the operator", release=None), f"rollouts are paused since {SINCE}: paused by"),
        (_rollout("halted", "w1 did not come back"), f"the rollout of 4230.2.3 has halted since {SINCE}: w1 did not"),
    ],
)
def test_a_rollout_is_said_in_one_line(rollout: dict[str, Any], said: str) -> None:
    assert rollout_in_words(rollout).startswith(said)


def test_each_machine_has_a_row_and_a_halt_an_exit_code_of_its_own(capsys: pytest.CaptureFixture[str]) -> None:
    machine = {"name": "w1", "stage": "failed", "version": "4230.2.0", "since": SINCE, "booted": None}
    told = {**machine, "reason": "came back with 4230.2.0", "refused": "4230.2.3"}
    rollout = _rollout("halted", "w1 came back with 4230.2.0", machines=[told])
    assert _print(argparse.Namespace(json=False), rollout) is ExitCode.NOT_YET
    head, titles, row, advice = capsys.readouterr().out.splitlines()
    assert head.endswith("w1 came back with 4230.2.0")
    assert titles.split() == ["NODE", "STAGE", "RELEASE", "AGE", "REASON"]
    assert re.fullmatch(r"w1 +failed +4230\.2\.0 +\d+[smhd]\w* +came back with 4230\.2\.0", row)
    assert advice == (
        "next: `kboot os rollout resume` goes on, without those that failed; "
        "`kboot os rollout resume w1` has them try it again"
    )


def test_one_that_runs_says_nothing_of_a_resume(capsys: pytest.CaptureFixture[str]) -> None:
    assert _print(argparse.Namespace(json=False), _rollout("running")) is ExitCode.DONE
    assert "resume" not in capsys.readouterr().out
    _print(argparse.Namespace(json=False), _rollout("paused", "paused by the operator"))
    assert capsys.readouterr().out.splitlines()[-1] == "next: `kboot os rollout resume` goes on"


@pytest.mark.parametrize("verb", ["start", "resume"])
def test_a_number_of_machines_that_cannot_be_is_refused(verb: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["os", "rollout", verb, "--max-parallel", "0", "--root", "/nowhere"]) == ExitCode.BAD_INPUT
    assert "--max-parallel 0: 1 to 100 machines may be down at once" in capsys.readouterr().err

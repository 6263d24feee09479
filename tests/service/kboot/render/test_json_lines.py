"""Lines of a log as JSON, by the tools of the system and by those of busybox."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kboot_compose.templates import rendered

_TOOLS = ("cut", "sed", "tail", "tr", "uniq")
_BASH = "/bin/bash"


@pytest.fixture(scope="module", params=["system", "busybox"])
def path(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> str:
    """What PATH is, with the tools of the script and no other."""
    folder = tmp_path_factory.mktemp("tools")
    for tool in _TOOLS:
        found = "/bin/busybox" if request.param == "busybox" else f"/usr/bin/{tool}"
        assert Path(found).exists(), f"{found} is not installed"
        (folder / tool).symlink_to(found)
    return str(folder)


def lines(path: str, text: bytes, most: int = 40, size_bytes: int = 8000, secret: str = "") -> list[str]:
    """What a machine tells of a log."""
    script = f"set -euo pipefail\n{rendered('json_lines.sh.j2').decode()}\njson_lines {most} {size_bytes} '{secret}'"
    done = subprocess.run([_BASH, "-c", script], input=text, capture_output=True, env={"PATH": path}, timeout=60)
    assert (done.returncode, done.stderr) == (0, b"")
    found: list[str] = json.loads(f"[{done.stdout.decode('ascii')}]")
    return found


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.binary(max_size=600), max_size=60))
def test_whatever_a_log_holds_is_told_as_json_that_is_bounded(path: str, log: list[bytes]) -> None:
    told = lines(path, b"\n".join(log))
    assert len(told) <= 40
    assert sum(map(len, told)) <= 8000
    assert all(len(line) <= 400 and line.isascii() and line.isprintable() for line in told)


def test_letters_stay_and_what_would_end_the_text_is_escaped(path: str) -> None:
    assert lines(path, b'a "quoted" \\ back\\slash $(id) `id` <b>&amp;\n') == [
        'a "quoted" \\ back\\slash $(id) `id` <b>&amp;'
    ]
    assert lines(path, b"10%\r20%\r\n\t \n\x1b[1;31mred\x1b[0m\x1bM\xc3\xa9") == ["10%", "20%", "red?M??"]
    assert lines(path, b"") == lines(path, b"\n \n") == []


def test_the_last_lines_are_told_and_one_that_comes_again_once(path: str) -> None:
    assert lines(path, b"a\nb\nb\nb\nc\nb\n", most=3) == ["b", "c", "b"]
    assert lines(path, b"one\ntwo\nthree\n", size_bytes=10) == ["two", "three"]


def test_a_secret_is_taken_out_before_anything_is_cut(path: str) -> None:
    secret = "s" * 30
    assert lines(path, b"x" * 390 + secret.encode(), secret=secret) == ["x" * 390 + "<secret>"]
    assert lines(path, secret.encode() + b"\n", size_bytes=6, secret=secret) == ["cret>"]

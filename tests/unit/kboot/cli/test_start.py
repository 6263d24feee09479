"""What a command line loads before it is parsed: every command waits for that."""

from __future__ import annotations

import subprocess
import sys

import pytest

# What takes most of the time to load, each for some commands alone.
_SLOW = {"bcrypt", "cryptography", "docker", "httpx", "jinja2", "kboot_clusterdesc", "pydantic", "python_on_whales"}
_SLOW |= {"dataclasses", "inspect", "requests", "ssl", "yaml"}
_LOOK = """
import contextlib, os, sys
from kboot.cli.main import run
with contextlib.redirect_stdout(open(os.devnull, "w")):
    code = run(sys.argv[1:])
print(code, *sorted({name.partition(".")[0] for name in sys.modules}))
"""


def _loaded(*words: str) -> set[str]:
    """The packages that a command line has loaded by its end."""
    done = subprocess.run([sys.executable, "-c", _LOOK, *words], capture_output=True, text=True, check=True)
    code, *names = done.stdout.split()
    assert code == "0"
    return set(names)


@pytest.mark.parametrize(
    "words",
    [
        ["--help"],
        ["--version"],
        ["version"],
        ["up", "--help"],
        ["bundle", "create", "--help"],
        ["lab", "add", "--help"],
    ],
)
def test_help_and_version_load_nothing_that_is_slow(words: list[str]) -> None:
    assert _loaded(*words) & _SLOW == set()


def test_a_completion_is_printed_without_what_is_slow() -> None:
    assert _loaded("completion", "bash") & (_SLOW - {"dataclasses", "inspect"}) == set()


def test_a_description_is_begun_without_docker_and_http() -> None:
    assert _loaded("init") & {"docker", "httpx", "python_on_whales", "requests"} == set()

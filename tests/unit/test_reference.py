"""docs/reference/ and share/ are made from the code."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from support.places import ROOT

_MADE = """
import json, sys
sys.path.insert(0, "scripts")
import reference, share
print(json.dumps({f"docs/reference/{name}": page for name, page in reference.pages().items()} | share.files()))
"""


@pytest.fixture(scope="module")
def made() -> dict[str, str]:
    """Path -> text, as the code has it now."""
    done = subprocess.run([sys.executable, "-c", _MADE], cwd=ROOT, capture_output=True, text=True, check=True)
    files: dict[str, str] = json.loads(done.stdout)
    return files


def test_the_reference_the_completion_and_the_man_page_are_not_stale(made: dict[str, str]) -> None:
    assert len(made) == 7
    kept = {name: (ROOT / name).read_text() for name in made}
    assert {name for name in made if made[name] != kept[name]} == set(), "run `make docs`"


def test_what_was_made_of_something_that_is_gone_does_not_stay(made: dict[str, str]) -> None:
    kept = [path for folder in ("share", "docs/reference") for path in (ROOT / folder).rglob("*") if path.is_file()]
    assert {str(path.relative_to(ROOT)) for path in kept} == set(made)

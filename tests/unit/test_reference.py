"""docs/reference/ is made from the code, and so are these pages."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from support.places import ROOT

_MADE = """
import json, sys
sys.path.insert(0, "scripts")
import reference
print(json.dumps(reference.pages()))
"""


@pytest.mark.parametrize("name", ["commands.md", "cluster.schema.json"])
def test_the_reference_is_not_stale(name: str) -> None:
    made = subprocess.run([sys.executable, "-c", _MADE], cwd=ROOT, capture_output=True, text=True, check=True)
    pages: dict[str, str] = json.loads(made.stdout)
    assert (ROOT / "docs" / "reference" / name).read_text() == pages[name], "run `make docs`"

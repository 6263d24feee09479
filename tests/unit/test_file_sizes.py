"""A file that has grown long holds a second subject, which deserves a file of its own."""

from __future__ import annotations

import subprocess

from support.places import ROOT

_MOST_LINES = 300
_ONE_SUBJECT_ALL_THE_SAME = {"orchestrator/kboot/describe/convert/sextant.py"}


def test_no_module_script_or_template_is_longer_than_300_lines() -> None:
    command = ["git", "ls-files", "-z", "*.py", "*.sh", "*.j2"]
    listed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    written = (path for path in listed.split("\0") if not path.startswith("tests/golden/"))
    paths = [path for path in written if (ROOT / path).is_file()]  # one may be removed and listed still
    lines = {path: len((ROOT / path).read_text().splitlines()) for path in paths}
    assert "tests/unit/test_file_sizes.py" in lines
    longer = {path: count for path, count in lines.items() if count > _MOST_LINES}
    assert set(longer) == _ONE_SUBJECT_ALL_THE_SAME, f"longer than {_MOST_LINES} lines: {longer}"

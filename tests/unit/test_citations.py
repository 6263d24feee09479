"""What the repository refers to is in it, or has a public address."""

from __future__ import annotations

import subprocess

from support.places import ROOT

# Numbers of a list and names of documents that only some of us have. Sums and hashes may look like anything.
_ELSEWHERE = r"\<[gG][0-9][0-9]_|\<G[0-9][0-9]\>|(DESIGN|STYLE|SEED|CASES)([:]|[.]md)|\<CASES [A-Z]|\<facts[:/]"
_NO_PROSE = (":!*.sum", ":!*requirements*.txt", ":!tests/golden")


def test_nothing_cites_a_document_that_is_not_here() -> None:
    search = ["git", "grep", "-nIE", _ELSEWHERE, "--", ".", *_NO_PROSE]
    found = subprocess.run(search, cwd=ROOT, capture_output=True, text=True)
    assert (found.returncode, found.stdout, found.stderr) == (1, "", "")

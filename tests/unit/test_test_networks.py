"""Tests with containers run at one time: two clusters on one network would answer at each other's addresses."""

from __future__ import annotations

import re
from collections import Counter

from support.places import ROOT

_FOLDER = ROOT / "tests" / "container"
_NETWORK = re.compile(r"\b10\.77\.\d+\b")


def test_no_two_files_of_tests_with_containers_name_one_network() -> None:
    users = Counter(each for path in _FOLDER.glob("*.py") for each in set(_NETWORK.findall(path.read_text())))
    assert len(users) > 5
    assert [network for network, files in users.items() if files > 1] == []

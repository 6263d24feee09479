"""Commands that the pages and the alerts tell one to type are commands of this kboot."""

from __future__ import annotations

import re

import pytest

from kboot.cli.main import build_parser
from support.places import ROOT

_PAGE = ROOT / "services" / "cloudconfig" / "kboot_cloudconfig" / "page"
_RULES = ROOT / "docs" / "monitoring" / "rules.yml"
_PLACEHOLDERS = re.compile(r"\{\{[^}]*\}\}|\{[^}]*\}|\b[A-Z]+\b")


def _named() -> set[str]:
    """Each command that is written for a reader, with what stands for a name as it stands there."""
    found = set(re.findall(r"`(kboot [^`]*)`", _RULES.read_text()))
    for path in (*(_PAGE / "templates").glob("*.j2"), _PAGE.parent / "next_steps.py"):
        found |= set(re.findall(r"""\(f?"(kboot [^"]*)\"""", path.read_text()))
    return found


def test_commands_are_found_in_pages_and_rules() -> None:
    assert {"kboot render FILE -o DIR", "kboot node reinstall {name}", "kboot certs list", "kboot status"} <= _named()


@pytest.mark.parametrize("command", sorted(_named()))
def test_a_command_that_is_told_is_one_that_can_be_typed(command: str) -> None:
    words = _PLACEHOLDERS.sub("node1", command).split()[1:]
    assert build_parser().parse_args(words).run is not None

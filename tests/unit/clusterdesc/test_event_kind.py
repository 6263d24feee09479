"""The kinds of event stand in one place: whoever names one, names one of those, and in code by that place."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from kboot_clusterdesc import EventKind, Phase
from support.places import ROOT

_KINDS = {*map(str, Phase), *map(str, EventKind)}
_SOURCES = ("clusterdesc", "orchestrator", "compose", "lab", "services")
_HOMES = ("event_kind.py", "phase.py")


def _modules() -> list[Path]:
    return [path for folder in _SOURCES for path in (ROOT / folder).rglob("*.py") if path.name not in _HOMES]


def _is_of_kinds(node: ast.expr) -> bool:
    name = node.id if isinstance(node, ast.Name) else node.attr if isinstance(node, ast.Attribute) else ""
    if isinstance(node, ast.Subscript) and isinstance(node.slice, ast.Constant):
        name = str(node.slice.value)
    return name in ("kind", "kinds")


def _literals(tree: ast.Module) -> Iterator[tuple[int, str]]:
    """Each text that is compared with a kind, with its line."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Compare) and any(map(_is_of_kinds, [node.left, *node.comparators])):
            for part in ast.walk(node):
                if isinstance(part, ast.Constant) and isinstance(part.value, str) and part.value in _KINDS:
                    yield part.lineno, part.value


def test_no_module_compares_a_kind_with_a_text_of_its_own() -> None:
    found = {
        f"{path.relative_to(ROOT)}:{line}: {text}"
        for path in _modules()
        for line, text in _literals(ast.parse(path.read_text()))
    }
    assert found == set()


def test_a_text_that_is_compared_with_a_kind_would_be_found() -> None:
    tree = ast.parse('a = event["kind"] == "failed" or event.kind in ("refused", "other")')
    assert [text for _, text in _literals(tree)] == ["failed", "refused"]


@pytest.mark.parametrize("page", sorted((ROOT / "docs").rglob("*.md")), ids=lambda path: path.name)
def test_the_documentation_asks_for_kinds_that_there_are(page: Path) -> None:
    named = re.findall(r"(?:[?&]kind=|--kind |kboot_events_total\{kind=\")([a-z-]+)", page.read_text())
    assert set(named) <= _KINDS


def test_alerts_dashboard_and_the_script_of_the_page_know_kinds_that_there_are() -> None:
    script = (ROOT / "services/cloudconfig/kboot_cloudconfig/page/files/page.js").read_text()
    told = re.search(r"^const TOLD = \{(.*)\};$", script, re.MULTILINE)
    assert told
    spoken = {name.strip('"') for name in re.findall(r'("[a-z-]+"|\w+): "', told[1])}
    assert spoken
    assert spoken <= _KINDS
    watched = [
        (ROOT / "docs/monitoring" / name).read_text() for name in ("rules.yml", "rules_test.yml", "dashboard.json")
    ]
    named = {kind for text in watched for kind in re.findall(r"kind=~?\\?[\"']?([a-z-]+)", text)}
    assert named
    assert named <= _KINDS

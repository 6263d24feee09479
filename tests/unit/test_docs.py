"""What the documents show works as shown."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path

import pytest

from kboot_clusterdesc import load, load_text
from support.places import EXAMPLES, ROOT

_PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md"))]


def test_the_description_in_the_readme_is_valid() -> None:
    blocks = re.findall(r"^```yaml\n(.*?)^```", (ROOT / "README.md").read_text(), re.MULTILINE | re.DOTALL)
    assert [load_text(block, "README.md").cluster.name for block in blocks] == ["ail"]


@pytest.mark.parametrize("path", sorted(EXAMPLES.glob("*.yaml")), ids=lambda path: path.name)
def test_every_example_is_valid(path: Path) -> None:
    assert load(path).nodes


@pytest.mark.parametrize("page", _PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_no_link_between_pages_is_broken(page: Path) -> None:
    targets = re.findall(r"\]\((?!https?:)([^)#]+)[^)]*\)", page.read_text())
    assert [target for target in targets if not (page.parent / target).exists()] == []


def test_every_target_of_the_makefile_is_listed_by_help() -> None:
    text = (ROOT / "Makefile").read_text()
    named = set(re.findall(r"^([a-z][a-z-]*):", text, re.MULTILINE)) - {"system"}
    assert named == set(re.findall(r"^([a-z][a-z-]*):.*## ", text, re.MULTILINE))


def test_the_words_of_the_glossary_stand_in_order_and_once() -> None:
    words = re.findall(r"^\| (?!word \|)([^|]+) \|", (ROOT / "docs" / "glossary.md").read_text(), re.MULTILINE)
    assert len(words) > 50
    assert words == sorted(set(words), key=str.lower)


def test_nothing_stands_in_the_changelog_twice() -> None:
    """A merge that keeps both sides of a line leaves an older form of it beside the newer one."""
    lines = (ROOT / "CHANGELOG.md").read_text().split("\n## ")[1].splitlines()
    beginnings = Counter(line[:50] for line in lines if line.startswith(("- ", "### ")))
    assert [beginning for beginning, count in beginnings.items() if count > 1] == []

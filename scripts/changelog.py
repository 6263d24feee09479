"""CHANGELOG.md in the form of Keep a Changelog: what stands under a heading, and Unreleased taken to a version."""

from __future__ import annotations

import re

from kboot.errors import BadInput

UNRELEASED = "## [Unreleased]"
_HEADING = re.compile(r"^## \[([^\]]+)\](?: - (\d{4}-\d{2}-\d{2}))?$", re.MULTILINE)


def cut(text: str, version: str, date: str) -> str:
    """Return the changelog with what is under Unreleased under `version` and `date`; raise BadInput."""
    if version in versions(text):
        raise BadInput(f"CHANGELOG.md has {version} already", "write the next version into pyproject.toml")
    if not section(text, "Unreleased"):
        raise BadInput("CHANGELOG.md: nothing is under Unreleased", "there is nothing to release")
    return text.replace(UNRELEASED, f"{UNRELEASED}\n\n## [{version}] - {date}", 1)


def section(text: str, name: str) -> str:
    """Return what stands under the heading `name`, without blank lines around it; raise BadInput where none is."""
    headings = list(_HEADING.finditer(text))
    for heading, following in zip(headings, [*headings[1:], None], strict=True):
        if heading[1] == name:
            return text[heading.end() : following.start() if following else len(text)].strip()
    raise BadInput(f"CHANGELOG.md has no heading `## [{name}]`", f"{UNRELEASED} stands above all versions")


def versions(text: str) -> list[str]:
    """Return the versions that have a heading with a date, the newest first."""
    return [heading[1] for heading in _HEADING.finditer(text) if heading[2]]

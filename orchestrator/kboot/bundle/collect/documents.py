"""The documentation, as pages of text."""

from __future__ import annotations

from pathlib import Path

from ...supplies.bundle_manifest import Item, Kind
from .collected import Collected

_PAGES = ("README.md", "CHANGELOG.md", "LICENSE")
_TEXT = (".md", ".yml", ".json")  # alerts and a dashboard, the schema and the API beside the pages
_LICENCE = "Apache-2.0"


def collect_documents(sources: Path, version: str, collected: Collected) -> list[Item]:
    """Return the pages below `sources`, as far as they are there."""
    texts = sorted(path for path in (sources / "docs").rglob("*") if path.suffix in _TEXT)
    files = [sources / name for name in _PAGES] + texts
    return [_page(path, str(path.relative_to(sources)), version, collected) for path in files if path.is_file()]


def _page(path: Path, name: str, version: str, collected: Collected) -> Item:
    blob = collected.refer(path)
    return Item(
        kind=Kind.DOCUMENT,
        name=name,
        version=version,
        digest=blob.digest,
        size=blob.size,
        source="kboot",
        licence=_LICENCE,
        path=name,
    )

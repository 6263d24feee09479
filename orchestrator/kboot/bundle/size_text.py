"""A size in words."""

from __future__ import annotations


def size_text(size_bytes: int) -> str:
    """Return a size as people read it: `0.7 MB`, `884 MB`, `14.2 GB`."""
    if size_bytes >= 1_000_000_000:
        return f"{size_bytes / 1_000_000_000:.1f} GB"
    return f"{size_bytes / 1_000_000:.0f} MB" if size_bytes >= 10_000_000 else f"{size_bytes / 1_000_000:.1f} MB"

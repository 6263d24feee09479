"""Judges the text of a unit as Ignition reads it, which refuses a whole config for one line. Pure."""

from __future__ import annotations

from collections.abc import Iterator

_LINE_MAX_BYTES = 2000  # Ignition refuses a line of more than 2048


def fault_of_unit(text: str) -> str | None:
    """Return why Ignition, or systemd, would not take `text` as a unit; None where both do."""
    if "\0" in text:
        return "it holds a NUL byte"
    return next(_faults(text), None)


def _faults(text: str) -> Iterator[str]:
    has_section = is_continued = False
    for number, raw in enumerate(text.split("\n"), 1):
        line = raw.removesuffix("\r")
        bare = line.strip()
        if len(line.encode()) > _LINE_MAX_BYTES:
            yield f"line {number} is longer than {_LINE_MAX_BYTES} bytes"
        elif is_continued:
            is_continued = bool(bare) and line.endswith("\\")
        elif bare.startswith("["):
            has_section = True
            if not bare.endswith("]") or "]" in bare[:-1] or len(bare) == 2:
                yield f"line {number}: `{bare}` is no section such as `[Service]`"
        elif bare.startswith(("#", ";")):
            is_continued = line.rstrip(" ").endswith("\\")
        elif bare:
            name, equals, _ = line.partition("=")
            if not equals or not name.strip():
                yield f"line {number}: `{bare}` is neither a section, nor `Name=value`, nor a comment"
            elif not has_section:
                yield f"line {number}: `{bare}` stands before any section such as `[Service]`"
            is_continued = line.endswith("\\")
    if not has_section and text.strip():
        yield "it has no section such as `[Service]`"

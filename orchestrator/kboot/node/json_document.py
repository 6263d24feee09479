"""Writes a document as JSON that YAML readers read as the same value."""

from __future__ import annotations

import re

from pydantic_core import to_json

# Letters that JSON may hold as they are and YAML may not (https://yaml.org/spec/1.1/#c-printable), or that end a line
# there; outside of quoted texts JSON has none of them.
_NOT_IN_YAML = re.compile("[\x7f-\x9f\u2028\u2029\ufeff\ufffe\uffff]")


def json_document(value: object) -> bytes:
    """Return `value`, of dicts, lists and scalars, in lines; the same value gives the same bytes."""
    written = to_json(value, indent=1) + b"\n"
    if written.isascii() and b"\x7f" not in written:
        return written
    return _NOT_IN_YAML.sub(lambda letter: f"\\u{ord(letter[0]):04x}", written.decode()).encode()

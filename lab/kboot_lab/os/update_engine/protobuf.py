"""Reads the fields of a message in the wire format of protocol buffers. Pure."""

from __future__ import annotations

from collections.abc import Iterator

_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5


def fields(message: bytes) -> Iterator[tuple[int, int | bytes]]:
    """Yield number and value of each field; raises ValueError for what is no message."""
    at = 0
    while at < len(message):
        key, at = _varint(message, at)
        kind = key & 7
        value: int | bytes
        if kind == _VARINT:
            value, at = _varint(message, at)
        elif kind in (_BYTES, _FIXED64, _FIXED32):
            size, at = _varint(message, at) if kind == _BYTES else (8 if kind == _FIXED64 else 4, at)
            value, at = message[at : at + size], at + size
            if at > len(message):
                raise ValueError("a field reaches beyond its message")
        else:
            raise ValueError(f"wire type {kind} is not known")
        yield key >> 3, value


def number(message: bytes, wanted: int, default: int = 0) -> int:
    """Return the last value of a field that is a number."""
    found = default
    for name, value in fields(message):
        if name == wanted and isinstance(value, int):
            found = value
    return found


def parts(message: bytes, wanted: int) -> list[bytes]:
    """Return every value of a field of bytes or messages."""
    return [value for name, value in fields(message) if name == wanted and isinstance(value, bytes)]


def _varint(message: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        if at >= len(message) or shift > 63:
            raise ValueError("a number has no end")
        value |= (message[at] & 127) << shift
        shift, at = shift + 7, at + 1
        if not message[at - 1] & 128:
            return value, at

"""Reads the fields of a protobuf message, as https://protobuf.dev/programming-guides/encoding/ has them. Pure."""

from __future__ import annotations

from collections.abc import Iterator

_VARINT, _EIGHT_BYTES, _LENGTH, _FOUR_BYTES = 0, 1, 2, 5
_VARINT_BYTES = 10


def message_fields(message: bytes | memoryview) -> Iterator[tuple[int, int | memoryview]]:
    """Yield each field by its number: a number as such, text and messages as their bytes; raises ValueError.

    Fields of a fixed width are passed over: nothing that is read here has one.
    """
    left = memoryview(message)
    while left:
        key, left = _varint(left)
        number, kind = key >> 3, key & 7
        if number == 0:
            raise ValueError("a field has no number")
        if kind == _VARINT:
            value, left = _varint(left)
            yield number, value
        elif kind == _LENGTH:
            length, left = _varint(left)
            content, left = _split(left, length)
            yield number, content
        elif kind in (_EIGHT_BYTES, _FOUR_BYTES):
            _, left = _split(left, 8 if kind == _EIGHT_BYTES else 4)
        else:
            raise ValueError(f"a field is of the unknown kind {kind}")


def _varint(data: memoryview) -> tuple[int, memoryview]:
    value = 0
    for at, byte in enumerate(data[:_VARINT_BYTES]):
        value |= (byte & 0x7F) << 7 * at
        if byte < 0x80:
            return value & 0xFFFF_FFFF_FFFF_FFFF, data[at + 1 :]
    raise ValueError("a number is cut off" if len(data) < _VARINT_BYTES else "a number is too long")


def _split(data: memoryview, length: int) -> tuple[memoryview, memoryview]:
    if length > len(data):
        raise ValueError("a field is cut off")
    return data[:length], data[length:]

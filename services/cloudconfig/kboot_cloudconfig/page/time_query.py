"""A question for the time, as machines ask it (NTP, RFC 5905), and what its answer says of the server. Pure."""

from __future__ import annotations

PORT = 123
STAMP_BYTES = 8

_VERSION, _CLIENT, _SERVER = 4, 3, 4
_UNSYNCHRONIZED, _LAST_STRATUM = 3, 15
_LENGTH, _STAMP_AT, _ORIGIN_AT = 48, 40, 24


def time_question(stamp: bytes) -> bytes:
    """Return a question; an answer to it has `stamp`, which is its transmit time, as the time of the question."""
    return bytes([_VERSION << 3 | _CLIENT]).ljust(_STAMP_AT, b"\0") + stamp


def fault_of(answer: bytes, stamp: bytes) -> str | None:
    """Return why what came is no answer by which a machine takes the time; None where it is one."""
    is_ours = len(answer) >= _LENGTH and answer[_ORIGIN_AT : _ORIGIN_AT + STAMP_BYTES] == stamp
    if not is_ours or answer[0] & 7 != _SERVER:
        return "what came is no answer of a time server"
    leap, stratum = answer[0] >> 6, answer[1]
    if leap == _UNSYNCHRONIZED or not 0 < stratum <= _LAST_STRATUM:
        return "it says that it does not know the time"
    return None

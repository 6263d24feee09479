"""How many bytes of a connection the kernel holds that are not on their way yet: they count towards the memory."""

from __future__ import annotations

import socket

LEAST_BYTES = 64 * 1024  # of any connection
_MOST_BYTES = 1 << 20  # of one that sends a file: with more, a call of sendfile(2) costs no less for a byte
_ALL_BYTES = 16 << 20  # of all that send files, beside LEAST_BYTES of each
_TCP_NOTSENT_LOWAT = 25  # linux/tcp.h, without a name in the socket module; accepted connections inherit it


def share_bytes(sending: int) -> int:
    """Return how much each of `sending` connections may have, a power of two so that it seldom changes."""
    share = max(LEAST_BYTES, min(_MOST_BYTES, _ALL_BYTES // max(sending, 1)))
    return 1 << (share.bit_length() - 1)


def bound_unsent(connection: socket.socket, most_bytes: int) -> None:
    """Have the kernel take no more than about `most_bytes` of what a connection cannot send yet."""
    connection.setsockopt(socket.IPPROTO_TCP, _TCP_NOTSENT_LOWAT, most_bytes)

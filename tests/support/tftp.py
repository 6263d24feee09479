"""Fetches a file over TFTP (RFC 1350)."""

from __future__ import annotations

import socket
import struct

from support.namespace import Namespace

_BLOCK = 512


class Transfer:
    """One file on its way; others may be under way beside it."""

    def __init__(self, namespace: Namespace, server: str, name: str) -> None:
        self._socket = namespace.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.settimeout(5)
        self._server, self._name = server, name
        self._packet, self._peer = b"", ("", 0)

    def begin(self) -> None:
        """Ask, and receive the first block without acknowledging it; a refusal raises FileNotFoundError."""
        self._socket.sendto(b"\x00\x01" + self._name.encode() + b"\0octet\0", (self._server, 69))
        self._receive()

    def finish(self) -> bytes:
        """The whole file."""
        content = self._packet[4:]
        while len(self._packet) == 4 + _BLOCK:
            number = self._packet[2:4]
            self._socket.sendto(b"\x00\x04" + number, self._peer)
            following = (int.from_bytes(number) + 1) % 65536
            while int.from_bytes(self._packet[2:4]) != following:  # the server repeats what is not acknowledged at once
                self._receive()
            content += self._packet[4:]
        self._socket.sendto(b"\x00\x04" + self._packet[2:4], self._peer)
        return content

    def close(self) -> None:
        """Let go of the socket."""
        self._socket.close()

    def _receive(self) -> None:
        self._packet, self._peer = self._socket.recvfrom(2048)
        code, _ = struct.unpack("!HH", self._packet[:4])
        if code == 5:
            raise FileNotFoundError(self._packet[4:-1].decode())


def fetch(namespace: Namespace, server: str, name: str) -> bytes:
    """The file; a refusal raises FileNotFoundError with the server's words."""
    transfer = Transfer(namespace, server, name)
    try:
        transfer.begin()
        return transfer.finish()
    finally:
        transfer.close()

"""Fetches a file over TFTP (RFC 1350)."""

from __future__ import annotations

import socket
import struct

from support.namespace import Namespace

_BLOCK = 512


def fetch(namespace: Namespace, server: str, name: str) -> bytes:
    """The file; a refusal raises FileNotFoundError with the server's words."""
    content = b""
    with namespace.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.settimeout(5)
        sock.sendto(b"\x00\x01" + name.encode() + b"\0octet\0", (server, 69))
        while True:
            packet, peer = sock.recvfrom(2048)
            code, block = struct.unpack("!HH", packet[:4])
            if code == 5:
                raise FileNotFoundError(packet[4:-1].decode())
            content += packet[4:]
            sock.sendto(struct.pack("!HH", 4, block), peer)
            if len(packet) < 4 + _BLOCK:
                return content

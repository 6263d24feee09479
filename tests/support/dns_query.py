"""Asks a name server one thing over UDP (RFC 1035)."""

from __future__ import annotations

import os
import socket
import struct
from ipaddress import IPv4Address

from support.namespace import Namespace

_A, _PTR = 1, 12


def address_of(namespace: Namespace, server: str, name: str) -> str | None:
    """The address of a name, None when there is none."""
    message, at, length = _ask(namespace, server, name, _A)
    return str(IPv4Address(message[at : at + 4])) if length == 4 else None


def addresses_of(namespace: Namespace, server: str, name: str) -> list[str]:
    """All addresses of a name, in the order of the answer."""
    message, at, length = _ask(namespace, server, name, _A)
    found = []
    while length == 4:
        found.append(str(IPv4Address(message[at : at + 4])))
        at += 4 + 12  # the next record begins with a pointer to the question too
        length = int.from_bytes(message[at - 2 : at])
    return found


def name_of(namespace: Namespace, server: str, address: str) -> str | None:
    """The name of an address, None when there is none."""
    message, at, length = _ask(namespace, server, IPv4Address(address).reverse_pointer, _PTR)
    return _name(message, at) if length else None


def _ask(namespace: Namespace, server: str, name: str, kind: int) -> tuple[bytes, int, int]:
    """The answer with the place and length of its first record's data; length 0 without a record."""
    number = os.urandom(2)
    question = b"".join(bytes((len(part),)) + part.encode() for part in name.split(".")) + b"\0"
    query = number + struct.pack("!HHHHH", 0x0100, 1, 0, 0, 0) + question + struct.pack("!HH", kind, 1)
    with namespace.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.settimeout(5)
        sock.connect((server, 53))
        sock.send(query)
        message = sock.recv(2048)
    assert message[:2] == number
    if struct.unpack("!H", message[6:8]) == (0,):
        return message, 0, 0
    at = len(query) + 10  # the record begins with a pointer to the question
    (length,) = struct.unpack("!H", message[at : at + 2])
    return message, at + 2, length


def _name(message: bytes, at: int) -> str:
    parts: list[str] = []
    while length := message[at]:
        if length >= 0xC0:
            at = struct.unpack("!H", message[at : at + 2])[0] & 0x3FFF
            continue
        parts.append(message[at + 1 : at + 1 + length].decode())
        at += 1 + length
    return ".".join(parts)

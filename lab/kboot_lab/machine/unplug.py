"""Unplug network cards of this container's machine, over QMP: `unplug.py SOCKET CARD...`."""

from __future__ import annotations

import json
import socket
import sys
from collections.abc import Iterable

_PATIENCE_S = 30


def command(connection: socket.socket, answers: Iterable[bytes], verb: str, /, **arguments: object) -> None:
    """Run one command of QMP; raises RuntimeError when QEMU refuses it."""
    connection.sendall(json.dumps({"execute": verb, "arguments": arguments}).encode() + b"\n")
    for line in answers:
        answer = json.loads(line)
        if "error" in answer:
            raise RuntimeError(f"{verb}: {answer['error']['desc']}")
        if "return" in answer:
            return
    raise RuntimeError(f"{verb}: QEMU hung up")


def main(path: str, cards: list[str]) -> None:
    """Unplug the cards, then start the processors of the machine, which QEMU started halted."""
    with socket.socket(socket.AF_UNIX) as connection:
        connection.settimeout(_PATIENCE_S)
        connection.connect(path)
        with connection.makefile("rb") as answers:
            answers.readline()  # QEMU's greeting
            command(connection, answers, "qmp_capabilities")
            for card in cards:
                command(connection, answers, "set_link", name=card, up=False)
            command(connection, answers, "cont")


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2:])

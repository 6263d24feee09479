"""Downloads one file over many connections, each from a machine's address, and drops the bytes in the kernel.

`python sink.py --host … --path …` prints one line of JSON: bytes and CPU seconds of a window. With MSG_TRUNC (tcp(7))
no byte is copied to this process, so that the server is what is measured.
"""

from __future__ import annotations

import argparse
import json
import os
import select
import socket
import sys
import time
from dataclasses import asdict
from pathlib import Path

if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from kboot_bench.network import machine_address
from kboot_bench.processes import Clock, pss_bytes, with_children

_PIECE = 1 << 20
_HEAD_AT_MOST = 16 * 1024


class Download:
    """One connection, which asks for the file again and again."""

    def __init__(self, host: str, port: int, request: bytes, source: str, receive_bytes: int) -> None:
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
        if receive_bytes:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_bytes)
        self.socket.bind((source, 0))
        self.socket.settimeout(30)
        self.socket.connect((host, port))
        self._request, self._left, self._head = request, 0, b""
        self.socket.sendall(request)
        self.socket.setblocking(False)

    def take(self, buffer: bytearray, most: int) -> int:
        """Take up to `most` bytes of the body, and return how many came."""
        if self._left == 0:
            return self._take_head()
        count = self.socket.recv_into(buffer, min(most, self._left), socket.MSG_TRUNC)
        if count == 0:
            raise ConnectionError("the server closed a connection within a body")
        self._left -= count
        if self._left == 0:
            self.socket.sendall(self._request)
        return count

    def _take_head(self) -> int:
        self._head += self.socket.recv(_HEAD_AT_MOST)
        head, found, body = self._head.partition(b"\r\n\r\n")
        if not found:
            if not self._head:
                raise ConnectionError("the server closed a connection before an answer")
            return 0
        status, *lines = head.lower().split(b"\r\n")
        if status.split()[1] not in (b"200", b"206"):
            raise ConnectionError(head.decode("latin-1"))
        length = next(int(line[15:]) for line in lines if line.startswith(b"content-length:"))
        self._head, self._left = b"", length - len(body)
        if self._left == 0:
            self.socket.sendall(self._request)
        return len(body)


def download(options: argparse.Namespace) -> dict[str, object]:
    """Download for the asked time, and return what the window after the warm-up had."""
    head = f"GET {options.path} HTTP/1.1\r\nHost: {options.host}\r\n"
    request = f"{head}Range: {options.range}\r\n\r\n" if options.range else f"{head}\r\n"
    downloads = {}
    poll = select.epoll()
    for number in range(options.connections):
        source = str(machine_address(options.first + number))
        each = Download(options.host, options.port, request.encode(), source, options.receive_bytes)
        downloads[each.socket.fileno()] = each
        poll.register(each.socket, select.EPOLLIN)
    buffer, piece = bytearray(_PIECE), options.piece_bytes
    taken, clock, since, warm_end = 0, None, time.monotonic(), time.monotonic() + options.warm_s
    end = warm_end + options.seconds
    while (now := time.monotonic()) < end:
        if clock is None and now >= warm_end:
            taken, since, clock = 0, now, Clock([*options.pids, os.getpid()])
        if options.rate and (ahead := taken / options.rate - (now - since)) > 0:
            select.select([], [], [], min(ahead, end - now))
            continue
        for fd, _ in poll.poll(0.1):
            try:
                taken += downloads[fd].take(buffer, piece)
            except BlockingIOError:
                continue
            if options.rate and taken > options.rate * (time.monotonic() - since):
                break
    if clock is None:
        raise SystemExit("the warm-up took longer than the whole time")
    memory = pss_bytes(with_children(options.pids))
    return {"bytes": taken, "memory_bytes": memory, **asdict(clock.taken())}


def main() -> None:
    """Download, and print the window."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--host", required=True)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--path", required=True)
    parser.add_argument("--connections", type=int, default=1)
    parser.add_argument("--first", type=int, default=1, metavar="MACHINE", help="the first connection's address")
    parser.add_argument("--seconds", type=float, default=2)
    parser.add_argument("--warm-s", type=float, default=0.5)
    parser.add_argument("--rate", type=float, default=0, help="bytes a second of all together (as fast as it goes)")
    parser.add_argument("--range", default="", help="such as bytes=1048576-")
    parser.add_argument("--piece-bytes", type=int, default=_PIECE, help="taken at a time")
    parser.add_argument("--receive-bytes", type=int, default=0, help="of each connection's buffer (the system's)")
    parser.add_argument("--pids", type=int, nargs="*", default=[], help="of the server")
    print(json.dumps(download(parser.parse_args())))


if __name__ == "__main__":
    main()

"""Sends parts of files to sockets without copying them: a few threads for all readers, however many there are."""

from __future__ import annotations

import os
import select
import socket
import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field

from .unsent import LEAST_BYTES, bound_unsent, share_bytes

_SLICE_BYTES = 1 << 20  # that one reader is sent in a turn
_ALONE_BYTES = 4 << 20  # the same where nobody waits: fewer calls for as many bytes


@dataclass(slots=True, eq=False)
class Transfer:
    """A part of a file on its way to one reader. The connection and the file are the pump's, which closes them."""

    connection: socket.socket  # does not block
    file: int
    offset: int
    left_bytes: int
    address: str
    on_end: Callable[[bool], None]  # called by a thread of the pump, with whether all was sent
    since: float = 0  # when its turn began, by the clock that only goes forward
    turn_bytes: int = _SLICE_BYTES  # that are left of its turn
    unsent_bytes: int = LEAST_BYTES  # that the kernel may hold of it
    is_busy: bool = False  # a thread sends of it now
    is_ended: bool = False


@dataclass(slots=True)
class _Line:
    """The transfers to one address: some in motion, the others behind them."""

    moving: dict[Transfer, None] = field(default_factory=dict)  # oldest first
    waiting: deque[Transfer] = field(default_factory=deque)


class FilePump:
    """Sends to whoever takes something. A reader that takes nothing holds no thread, and no memory but its socket's.

    The kernel says in turn whose socket has room. To one address `most_of_one` transfers move at a time; the others
    wait and take turns with them by the slice, or after `long_s` where one takes less than that. A turn does not end
    with a full socket: a quick reader would have little of each, and wait for those who take a little now and then.
    """

    def __init__(self, threads: int = 2, most_of_one: int = 8, long_s: float = 10) -> None:
        self._most_of_one, self._long_s, self._look_s = most_of_one, long_s, long_s / 5
        self._epoll = select.epoll()
        self._closing = os.eventfd(0)
        self._epoll.register(self._closing, select.EPOLLIN)
        self._lock = threading.Lock()
        self._moving: dict[int, Transfer] = {}  # by the connection's descriptor
        self._lines: dict[str, _Line] = {}
        self._look_at = 0.0
        self._threads = [threading.Thread(target=self._work, name="file-pump", daemon=True) for _ in range(threads)]
        for thread in self._threads:
            thread.start()

    def begin(self, transfer: Transfer) -> None:
        """Send what `transfer` says, beginning when its address has a turn."""
        with self._lock:
            line = self._lines.setdefault(transfer.address, _Line())
            line.waiting.append(transfer)
            self._fill(line)

    def give_up(self, transfer: Transfer) -> None:
        """End `transfer` where it is, and tell nobody; one that has ended is passed over."""
        with self._lock:
            if not transfer.is_ended:
                transfer.is_ended = True
                if not transfer.is_busy:
                    self._remove(transfer)

    def close(self) -> None:
        """End the threads; what has not been sent stays unsent."""
        os.eventfd_write(self._closing, 1)
        for thread in self._threads:
            thread.join()
        with self._lock:
            for line in list(self._lines.values()):
                for transfer in (*line.moving, *line.waiting):
                    transfer.is_ended = True
                    self._close(transfer)
            self._lines.clear()
        self._epoll.close()
        os.close(self._closing)

    def _work(self) -> None:
        while True:
            for ready, _ in self._epoll.poll(self._look_s, 1):
                if ready == self._closing:
                    return
                with self._lock:
                    transfer = self._moving.get(ready)
                    if transfer is None or transfer.is_busy:  # it ended, or a thread has it: that one goes on with it
                        continue
                    transfer.is_busy = True
                self._go_on(transfer, _send_slice(transfer))
            self._look()

    def _go_on(self, transfer: Transfer, is_well: bool) -> None:
        with self._lock:
            transfer.is_busy = False
            is_given_up = transfer.is_ended
            transfer.is_ended = is_given_up or not is_well or not transfer.left_bytes
            if transfer.is_ended:
                self._remove(transfer)
            else:
                self._rearm(transfer)
        if transfer.is_ended and not is_given_up:
            transfer.on_end(is_well)

    def _rearm(self, transfer: Transfer) -> None:
        line = self._lines[transfer.address]
        if line.waiting and not transfer.turn_bytes:
            self._stop(line, transfer)
            line.waiting.append(transfer)
            self._fill(line)
            return
        if not line.waiting:
            self._begin_turn(line, transfer)
        self._epoll.modify(transfer.connection, select.EPOLLOUT | select.EPOLLONESHOT)

    def _fill(self, line: _Line) -> None:
        while line.waiting and len(line.moving) < self._most_of_one:
            transfer = line.waiting.popleft()
            line.moving[transfer] = None
            self._moving[transfer.connection.fileno()] = transfer
            self._begin_turn(line, transfer)
            self._epoll.register(transfer.connection, select.EPOLLOUT | select.EPOLLONESHOT)

    def _begin_turn(self, line: _Line, transfer: Transfer) -> None:
        transfer.since, transfer.turn_bytes = time.monotonic(), _SLICE_BYTES if line.waiting else _ALONE_BYTES
        if (share := share_bytes(len(self._moving))) != transfer.unsent_bytes:
            transfer.unsent_bytes = share
            bound_unsent(transfer.connection, share)

    def _stop(self, line: _Line, transfer: Transfer) -> None:
        del line.moving[transfer], self._moving[transfer.connection.fileno()]
        self._epoll.unregister(transfer.connection)

    def _remove(self, transfer: Transfer) -> None:
        line = self._lines[transfer.address]
        if transfer in line.moving:
            self._stop(line, transfer)
        else:
            line.waiting.remove(transfer)
        self._close(transfer)
        self._fill(line)
        if not line.moving:
            del self._lines[transfer.address]

    def _close(self, transfer: Transfer) -> None:
        bound_unsent(transfer.connection, LEAST_BYTES)
        transfer.connection.close()
        os.close(transfer.file)

    def _look(self) -> None:
        """Let those that wait have the place of those whose turn lasts long."""
        now = time.monotonic()
        if now < self._look_at:
            return
        with self._lock:
            self._look_at = now + self._look_s
            for line in self._lines.values():
                slow = [each for each in line.moving if now - each.since > self._long_s and not each.is_busy]
                for transfer in slow[: len(line.waiting)]:
                    self._stop(line, transfer)
                    line.waiting.append(transfer)
                self._fill(line)


def _send_slice(transfer: Transfer) -> bool:
    """Send as much of its turn as the socket takes now; return whether the transfer can go on."""
    try:
        count = min(transfer.left_bytes, transfer.turn_bytes)
        sent = os.sendfile(transfer.connection.fileno(), transfer.file, transfer.offset, count)
    except BlockingIOError:
        return True
    except OSError:  # the reader has gone, or the disk does not give the file
        return False
    transfer.offset += sent
    transfer.left_bytes -= sent
    transfer.turn_bytes -= sent
    return sent > 0  # none, where the file has become shorter

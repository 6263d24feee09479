"""Owns the listening sockets, and has one server process after the other answer on them: a restart refuses nobody.

SIGHUP brings up the next server, which then takes over from the one before it; SIGTERM and SIGINT end all. Only the
ports are bound by root. In its container this is the first process: an init of root's could not pass a signal on to it.
"""

from __future__ import annotations

import errno
import os
import select
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Sequence
from contextlib import suppress

from .hand_over import END, GIVEN, GO, LOADED, PASS_ON, PASSED_ON, SERVING
from .settings import Settings
from .unsent import LEAST_BYTES, bound_unsent

_IP_FREEBIND = 15  # ip(7), linux/in.h, without a name in the socket module
_LOAD_S, _ANSWER_S, _END_S = 300.0, 20.0, 8.0
_FREED_S, _FREED_LOOK_S = 10.0, 0.02  # a server whose owner was killed has the ports until it has seen that
_LOOK_S = 1.0
_MOST_LEAVING = 4  # servers with downloads under way beside the one that serves; each has its memory
_SIGNALS = (signal.SIGHUP, signal.SIGTERM, signal.SIGINT, signal.SIGCHLD)


def run(settings: Settings) -> int:
    """Bind the ports and serve on them until SIGTERM or SIGINT; return the exit status."""
    inbox, outbox = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    try:
        listening = [bound(settings.bind, port) for port in (settings.http_port, settings.https_port)]
    except OSError as error:
        print(f"cannot listen: {error}", file=sys.stderr)
        return 1
    give_up_root(settings.uid)
    return Generations(settings, (*listening, inbox, outbox)).run()


def bound(address: str, port: int) -> socket.socket:
    """Return a listening socket on `address` alone; raise OSError where another program keeps the port."""
    # The protocol number is given because asyncio sets TCP_NODELAY only where it sees it.
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    # At a boot of the bootstrapper the address may come later than this process.
    listener.setsockopt(socket.IPPROTO_IP, _IP_FREEBIND, 1)
    bound_unsent(listener, LEAST_BYTES)
    until = time.monotonic() + _FREED_S
    while True:
        try:
            listener.bind((address, port))
            break
        except OSError as error:
            if error.errno != errno.EADDRINUSE or time.monotonic() > until:
                raise OSError(error.errno, f"{address}:{port}: {error.strerror}") from error
        select.select((), (), (), _FREED_LOOK_S)
    listener.listen(1024)
    return listener


def give_up_root(uid: int) -> None:
    """Become `uid`, and the group of that number, for good."""
    if os.getuid() == 0:
        os.setgroups([])
        os.setgid(uid)
        os.setuid(uid)


class ServerProcess:
    """A server, and this process's end of the line to it."""

    def __init__(self, sockets: Sequence[socket.socket]) -> None:
        self.line, far = socket.socketpair()
        self.line.setblocking(False)
        given = [each.fileno() for each in (*sockets, far)]
        environment = os.environ | {GIVEN: " ".join(map(str, given))}
        command = [sys.executable, "-m", "kboot_cloudconfig"]
        self._process = subprocess.Popen(command, env=environment, pass_fds=given)
        far.close()
        self._said = self._told = b""
        self._late_at = time.monotonic() + _LOAD_S

    @property
    def status(self) -> int | None:
        """Its exit status, once it has ended."""
        return self._process.poll()

    def has_said(self, word: bytes) -> bool:
        """Return whether it has said a word."""
        return word in self._said

    def tell(self, word: bytes, within_s: float) -> None:
        """Tell it once to do something, for which it has a time."""
        if word not in self._told:
            self._told += word
            self._late_at = time.monotonic() + within_s
            with suppress(OSError):  # it has ended
                self.line.send(word)

    def is_late(self) -> bool:
        """Return whether the time for what it was told last is over."""
        return time.monotonic() > self._late_at

    def hear(self) -> None:
        """Take note of what it has said."""
        with suppress(BlockingIOError, ConnectionError):
            self._said += self.line.recv(64)

    def kill(self) -> None:
        """End it at once."""
        self._process.kill()
        self._process.wait()


class Generations:
    """The server that serves, the one that will, and those that still have something to send."""

    def __init__(self, settings: Settings, sockets: Sequence[socket.socket]) -> None:
        self._settings, self._sockets = settings, sockets
        self._count = 0
        self._outcome = self._written = ""
        self._serving: ServerProcess | None = None
        self._next: ServerProcess | None = None
        self._leaving: list[ServerProcess] = []
        self._is_wanted, self._is_ending = True, False

    def run(self) -> int:
        """Serve until SIGTERM or SIGINT, or until there is no server; return the exit status."""
        wake, waking = socket.socketpair()
        wake.setblocking(False)
        waking.setblocking(False)
        signal.set_wakeup_fd(waking.fileno())
        for number in _SIGNALS:
            signal.signal(number, lambda *_: None)
        while (status := self._step()) is None:
            servers = self._all()
            ready, _, _ = select.select(
                [wake, *(each.line for each in servers if each.status is None)], [], [], _LOOK_S
            )
            for server in servers:
                server.hear()
            if wake in ready:
                heard = set(wake.recv(64))
                self._is_ending |= bool(heard & {signal.SIGTERM, signal.SIGINT})
                self._is_wanted |= signal.SIGHUP in heard
        return status

    def _all(self) -> list[ServerProcess]:
        return [each for each in (*self._leaving, self._serving, self._next) if each is not None]

    def _step(self) -> int | None:
        """Do what is to be done now; return the exit status when all has ended."""
        self._leaving = [each for each in self._leaving if each.status is None]
        if self._is_ending:
            return self._end()
        if (serving := self._serving) is not None:
            status = serving.status
            serving.hear()  # its last words come before its end
            if serving.has_said(PASSED_ON):
                self._leaving.append(serving)
                self._serving = None
            elif status is not None:
                return status or 1  # nobody asked it to end
        if self._next is not None:
            return self._bring_up(self._next)
        if self._is_wanted and len(self._leaving) >= _MOST_LEAVING:
            self._write(f"{self._count} waiting {len(self._leaving)}")
        elif self._is_wanted:
            self._is_wanted = False
            self._write(self._outcome)
            self._next = ServerProcess(self._sockets)
        return None

    def _bring_up(self, coming: ServerProcess) -> int | None:
        if coming.status is None and coming.is_late():
            coming.kill()
        if coming.status is not None:
            self._next = None
            if self._serving is None:
                return coming.status or 1
            _log_failure(coming.status)
            self._tell("failed")
            return None
        if coming.has_said(SERVING):
            self._serving, self._next = coming, None
            self._tell("serving")
        elif coming.has_said(LOADED):
            if self._serving is None:
                coming.tell(GO, _LOAD_S)
            else:
                self._serving.tell(PASS_ON, _ANSWER_S)
                if self._serving.is_late():
                    self._serving.kill()
                    self._serving = None
        return None

    def _end(self) -> int | None:
        servers = [each for each in self._all() if each.status is None]
        for server in servers:
            server.tell(END, _END_S)
            if server.is_late():
                server.kill()
        return None if servers else 0

    def _tell(self, outcome: str) -> None:
        """Write how many servers were brought up, and what came of the last: `kboot restart` waits for it."""
        self._count += 1
        self._outcome = f"{self._count} {outcome}"
        self._write(self._outcome)

    def _write(self, text: str) -> None:
        if text == self._written:
            return
        self._written = text
        with suppress(OSError):  # outside of a container there is no such folder
            new = self._settings.run / "generation.new"
            new.write_text(f"{text}\n")
            new.replace(new.with_name("generation"))


def _log_failure(status: int) -> None:
    from .log import LogLevel, log  # with all of the description's vocabulary, which a start has to do without

    log("hand-over-failed", LogLevel.ERROR, status=status)

"""What a connection takes from uvicorn, asyncio and the kernel; a new version of one of them shows itself here."""

from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
import uvicorn
import uvloop
from starlette.types import Receive, Scope, Send
from uvicorn.protocols.http import httptools_impl

from kboot.host.waiting import looks
from kboot_cloudconfig.file_pump import FilePump
from kboot_cloudconfig.http_connection import SENDS_FILES, HttpConnection, delivery
from kboot_cloudconfig.settings import Timeouts

_WHOLE = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"
_PATIENCE = Timeouts(silent_s=20, stalled_s=60)


class Talk:
    """A connection over loopback, its peer, and an application that answers when it is told to."""

    def __init__(self, answer_bytes: int = 2, pump: FilePump | None = None, file: Path | None = None) -> None:
        self.may_answer = asyncio.Event()
        self.offered: list[Any] = []
        self._file = file
        self._answer_bytes = answer_bytes
        self.ended: list[HttpConnection] = []
        with socket.create_server(("127.0.0.1", 0)) as listening:
            self.peer = socket.create_connection(listening.getsockname())
            self.accepted, _ = listening.accept()
        self.peer.setblocking(False)
        config = uvicorn.Config(
            self._app, http="httptools", interface="asgi3", ws="none", lifespan="off", log_config=None
        )
        config.load()
        given = {"config": config, "server_state": uvicorn.Server(config).server_state, "app_state": {}}
        self.connection = HttpConnection("127.0.0.1", self.accepted, self.ended.append, pump, **given)

    async def begin(self) -> None:
        """Accept the peer."""
        await asyncio.get_running_loop().connect_accepted_socket(lambda: self.connection, self.accepted)

    async def end(self) -> None:
        """The peer goes away, which is noticed."""
        self.peer.close()
        await self.until(lambda: self.ended == [self.connection] and self.accepted.fileno() == -1)

    async def until(self, holds: Callable[[], bool]) -> None:
        """Wait for a condition."""
        async with asyncio.timeout(5):
            while not holds():
                await asyncio.sleep(0.01)

    async def _app(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self.may_answer.wait()
        self.offered.append(scope["extensions"].get(SENDS_FILES))
        if self._file is not None:
            length = self._file.stat().st_size
            headers = [(b"content-length", b"%d" % length)]
            await send({"type": "http.response.start", "status": 200, "headers": headers})
            await self.offered[-1](os.open(self._file, os.O_RDONLY), range(length))
            await send({"type": "http.response.body"})
            return
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": bytes(self._answer_bytes)})


def run(steps: Callable[[], Awaitable[None]]) -> None:
    """The steps in a loop of their own, of the kind that the server has."""

    async def within() -> None:
        await steps()

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(within())


def test_a_connection_is_silent_but_from_a_whole_request_to_the_end_of_its_answer() -> None:
    async def steps() -> None:
        talk = Talk()
        connection = talk.connection
        assert connection.is_silent  # not yet begun
        await talk.begin()
        talk.peer.send(_WHOLE[:-2])
        await asyncio.sleep(0.1)
        assert connection.is_silent
        talk.peer.send(_WHOLE[-2:])
        await talk.until(lambda: connection.is_answered)
        assert not connection.is_silent
        since = connection.waiting_since
        talk.may_answer.set()
        await talk.until(lambda: connection.is_silent)
        assert connection.waiting_since > since
        await talk.end()

    run(steps)


def test_a_request_whose_body_is_not_whole_is_silence() -> None:
    async def steps() -> None:
        talk = Talk()
        await talk.begin()
        talk.peer.send(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\n1")
        await talk.until(lambda: talk.connection.cycle is not None)
        assert talk.connection.is_silent
        talk.peer.send(b"2")
        await talk.until(lambda: talk.connection.is_answered)
        await talk.end()

    run(steps)


def test_silence_is_overdue_after_its_time_and_a_wait_of_the_peer_never_is() -> None:
    async def steps() -> None:
        talk = Talk()
        begin = asyncio.get_running_loop().time()
        await talk.begin()
        assert not talk.connection.is_overdue(begin + 19, _PATIENCE)
        assert talk.connection.is_overdue(begin + 21, _PATIENCE)
        talk.peer.send(_WHOLE)
        await talk.until(lambda: talk.connection.is_answered)
        assert not talk.connection.is_overdue(begin + 1000, _PATIENCE)
        await talk.end()

    run(steps)


def test_an_answer_is_overdue_when_no_byte_of_it_was_taken_for_its_time() -> None:
    async def steps() -> None:
        talk = Talk(answer_bytes=32 << 20)
        connection = talk.connection
        talk.may_answer.set()
        await talk.begin()
        talk.peer.send(_WHOLE)
        await talk.until(lambda: delivery(talk.accepted).is_owed and not connection.is_silent)
        await asyncio.sleep(0.3)  # until the peer's kernel is full
        now = asyncio.get_running_loop().time()
        assert not connection.is_overdue(now, _PATIENCE)
        assert not connection.is_overdue(now + 59, _PATIENCE)
        assert connection.is_overdue(now + 61, _PATIENCE)
        before = delivery(talk.accepted).acknowledged_bytes
        while delivery(talk.accepted).acknowledged_bytes == before:
            await asyncio.get_running_loop().sock_recv(talk.peer, 1 << 18)
        assert not connection.is_overdue(now + 100, _PATIENCE)
        connection.drop(reset=True)
        await talk.end()
        assert not connection.is_overdue(now + 500, _PATIENCE)

    run(steps)


def test_files_are_sent_by_the_kernel_one_answer_after_the_other(tmp_path: Path) -> None:
    content = os.urandom(3 << 20)
    (tmp_path / "image").write_bytes(content)
    pump = FilePump()

    async def steps() -> None:
        talk = Talk(pump=pump, file=tmp_path / "image")
        await talk.begin()
        talk.may_answer.set()
        reader, writer = await asyncio.open_connection(sock=talk.peer)
        writer.write(_WHOLE * 2)  # the second is there before the first is answered
        for number in range(3):
            assert (await reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 200")
            assert await reader.readexactly(len(content)) == content
            if number == 1:
                writer.write(_WHOLE)
        await talk.until(lambda: talk.connection.is_silent)
        writer.close()
        await talk.end()

    run(steps)
    pump.close()


def test_a_reader_that_goes_in_the_middle_of_a_file_leaves_nothing(tmp_path: Path) -> None:
    with (tmp_path / "image").open("wb") as image:
        image.truncate(64 << 20)
    pump = FilePump()
    before = len(os.listdir("/proc/self/fd"))

    async def steps() -> None:
        talk = Talk(pump=pump, file=tmp_path / "image")
        await talk.begin()
        talk.may_answer.set()
        talk.peer.send(_WHOLE)
        await talk.until(lambda: delivery(talk.accepted).is_owed)
        await talk.end()
        await talk.until(lambda: not talk.connection.tasks)

    run(steps)
    left = before + 1
    for _ in looks(10, 0.01):  # the pump's thread may be in the middle of a slice
        if (left := len(os.listdir("/proc/self/fd"))) == before:
            break
    assert left == before
    pump.close()


def test_no_file_is_sent_where_uvicorn_is_not_as_it_was(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    class Other(httptools_impl.RequestResponseCycle):
        def __init__(self, **given: Any) -> None:
            super().__init__(**given)
            del self.disconnected

    monkeypatch.setattr(httptools_impl, "RequestResponseCycle", Other)
    pump = FilePump()

    async def steps() -> None:
        talk = Talk(pump=pump)
        await talk.begin()
        for _ in range(2):
            talk.peer.send(_WHOLE)
            await talk.until(lambda: talk.connection.cycle is not None)
        assert talk.connection.scope["extensions"] == {}
        talk.connection.cycle.disconnected = False
        talk.may_answer.set()
        await talk.end()

    run(steps)
    pump.close()
    assert capsys.readouterr().out.count("files-are-copied") == 1


@pytest.mark.parametrize("head", [b"GET /" + b"a" * 80_000, b"GET / HTTP/1.1\r\n" + b"a: b\r\n" * 15_000])
def test_a_head_without_end_is_refused(head: bytes) -> None:
    async def steps() -> None:
        talk = Talk()
        await talk.begin()
        await asyncio.get_running_loop().sock_sendall(talk.peer, head)
        answer = await asyncio.get_running_loop().sock_recv(talk.peer, 1000)
        assert answer.startswith(b"HTTP/1.1 400")
        await talk.end()

    run(steps)

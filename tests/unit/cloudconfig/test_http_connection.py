"""What a connection takes from uvicorn, asyncio and the kernel; a new version of one of them shows itself here."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Awaitable, Callable

import uvicorn
from starlette.types import Receive, Scope, Send

from kboot_cloudconfig.http_connection import HttpConnection, Timeouts, delivery

_WHOLE = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"
_PATIENCE = Timeouts(silent_s=20, stalled_s=60)


class Talk:
    """A connection over loopback, its peer, and an application that answers when it is told to."""

    def __init__(self, answer_bytes: int = 2) -> None:
        self.may_answer = asyncio.Event()
        self._answer_bytes = answer_bytes
        self.ended: list[HttpConnection] = []
        with socket.create_server(("127.0.0.1", 0)) as listening:
            self.peer = socket.create_connection(listening.getsockname())
            self.accepted, _ = listening.accept()
        self.peer.setblocking(False)
        config = uvicorn.Config(self._app, http="h11", interface="asgi3", ws="none", lifespan="off", log_config=None)
        config.load()
        given = {"config": config, "server_state": uvicorn.Server(config).server_state, "app_state": {}}
        self.connection = HttpConnection("127.0.0.1", self.accepted, self.ended.append, **given)

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
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": bytes(self._answer_bytes)})


def run(steps: Callable[[], Awaitable[None]]) -> None:
    """The steps in a loop of their own."""

    async def within() -> None:
        await steps()

    asyncio.run(within())


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

"""A machine that ssh comes to: it lets anybody in, and writes down what it is told to run and what it is given.

ssh goes to port 22, where a test may not be: all that `ssh_program` adds is the port, and an operator's configuration.
"""

from __future__ import annotations

import asyncio
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import asyncssh

_SSH = '#!/bin/sh\nPATH=${PATH#*:} exec ssh -F "$SSH_CONFIG" -p "$SSH_PORT" "$@"\n'


def ssh_program(folder: Path) -> dict[str, str]:
    """Put an `ssh` into `folder` that goes to $SSH_PORT with the file `config` there; what has it found."""
    (folder / "bin").mkdir()
    (folder / "bin" / "ssh").write_text(_SSH)
    (folder / "bin" / "ssh").chmod(0o755)
    (folder / "config").touch()
    return {"PATH": f"{folder / 'bin'}:{os.environ['PATH']}", "SSH_CONFIG": str(folder / "config")}


class SshServer:
    """One of them, with a host key of its own."""

    def __init__(self, kind: str = "ssh-ed25519") -> None:
        self.key = asyncssh.generate_private_key(kind)
        self.port = 0
        self.commands: list[str | None] = []
        self.given: list[bytes] = []

    @property
    def host_key(self) -> str:
        """Its public host key, as its report has it."""
        kind, key = self.key.export_public_key().decode().split()[:2]
        return f"{kind} {key}"

    async def listen(self, address: str) -> asyncssh.SSHAcceptor:
        """Begin to answer."""
        acceptor = await asyncssh.listen(
            address,
            0,
            server_factory=_LetsAnybodyIn,
            server_host_keys=[self.key],
            process_factory=self._run,
            encoding=None,
        )
        self.port = acceptor.get_port()
        return acceptor

    async def _run(self, process: asyncssh.SSHServerProcess[bytes]) -> None:
        self.commands.append(process.command)
        self.given.append(await process.stdin.read())
        process.stdout.write(b"done\n")
        process.exit(0)


class _LetsAnybodyIn(asyncssh.SSHServer):
    def begin_auth(self, username: str) -> bool:
        return False


@contextmanager
def answering(server: SshServer, address: str) -> Iterator[SshServer]:
    """The server, answering at that address on a port of its own."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    try:
        acceptor = asyncio.run_coroutine_threadsafe(server.listen(address), loop).result(30)
        try:
            yield server
        finally:
            asyncio.run_coroutine_threadsafe(_end(acceptor), loop).result(30)
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join(30)
        loop.close()


async def _end(acceptor: asyncssh.SSHAcceptor) -> None:
    acceptor.close()
    await acceptor.wait_closed()

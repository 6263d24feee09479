"""Run gpgv on a detached signature, over a file on the disk or over one that is still coming.

gpgv's exit status says nothing: it is 0 for a signature by an expired and even by a revoked key. What counts are its
status lines.
"""

from __future__ import annotations

import fcntl
import subprocess
import tempfile
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import IO

from .fault import UpdaterFault

# Linux gives a pipe 64 KiB, with which download and gpgv would wait for each other at each chunk.
_PIPE_BYTES = 1 << 20


class Gpgv:
    """gpgv with one signature and one keyring, to which the signed file is given from its first byte on."""

    def __init__(self, signature: Path, keyring: bytes) -> None:
        self._signature = signature
        self._home = tempfile.TemporaryDirectory(prefix="kboot-gpgv-")
        self._ring = Path(self._home.name) / "release-key.gpg"
        self._ring.write_bytes(keyring)
        self._status = Path(self._home.name) / "status"
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Gpgv:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.begin()
        self._home.cleanup()

    def begin(self) -> None:
        """Forget what was given: the next piece is the beginning of the file."""
        if self._process is not None:
            self._process.kill()
            self._end_input(self._process)
            self._process.wait()
            self._process = None

    def take(self, piece: bytes | memoryview) -> None:
        """Give the next piece of the file; waits while gpgv is behind."""
        self._process = self._process or self._started(subprocess.PIPE)
        if self._process.stdin is not None:
            # gpgv ends at once on a signature that is none; its status lines tell.
            with suppress(BrokenPipeError):
                self._process.stdin.write(piece)

    def take_file(self, file: Path) -> None:
        """Give the whole of a file on the disk."""
        self.begin()
        with file.open("rb") as stream:
            self._process = self._started(stream)

    def status(self) -> str:
        """Return gpgv's status lines, once it has read all that was given; raises UpdaterFault if it was killed."""
        process = self._process = self._process or self._started(subprocess.DEVNULL)
        self._end_input(process)
        if process.wait() < 0:
            name = self._signature.name
            raise UpdaterFault(f"{name} could not be verified: gpgv was ended by signal {-process.returncode}")
        return self._status.read_text("utf-8", "replace")

    def _end_input(self, process: subprocess.Popen[bytes]) -> None:
        if process.stdin is not None:
            with suppress(BrokenPipeError):
                process.stdin.close()

    def _started(self, stdin: int | IO[bytes]) -> subprocess.Popen[bytes]:
        command = ["gpgv", "--homedir", self._home.name, "--status-fd", "1", "--keyring", str(self._ring)]
        # Into a file: nobody reads a pipe while the file is given, and a hostile signature has many lines.
        with self._status.open("wb") as status:
            process = subprocess.Popen(
                [*command, "--", str(self._signature), "-"], stdin=stdin, stdout=status, stderr=subprocess.DEVNULL
            )
        if process.stdin is not None:
            # An unprivileged user may have used up his share of pipes; then the pipe stays as it is.
            with suppress(OSError):
                fcntl.fcntl(process.stdin, fcntl.F_SETPIPE_SZ, _PIPE_BYTES)
        return process

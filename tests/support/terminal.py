"""A program in a real terminal of a chosen size: tmux, which keeps what scrolled away, and pseudo-terminals."""

from __future__ import annotations

import fcntl
import os
import pty
import select
import struct
import subprocess
import termios
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from kboot.host.waiting import looks


def set_window(descriptor: int, columns: int, rows: int) -> None:
    """Give a pseudo-terminal a size."""
    fcntl.ioctl(descriptor, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))


class Window:
    """A window of tmux in which a program runs; the window stays when the program has ended."""

    def __init__(self, socket: Path) -> None:
        self._socket = socket

    def tmux(self, *words: str) -> str:
        """Run a command of tmux."""
        done = subprocess.run(["tmux", "-S", str(self._socket), *words], capture_output=True, text=True, check=True)
        return done.stdout

    def rows(self) -> list[str]:
        """What is to be seen now, a text a row."""
        return self.tmux("capture-pane", "-p").split("\n")[:-1]

    def scrolled_away(self) -> int:
        """How many rows are in the scrollback."""
        return int(self.tmux("display-message", "-p", "#{history_size}"))

    def resize(self, columns: int, rows: int) -> None:
        """Make the window another size."""
        self.tmux("resize-window", "-x", str(columns), "-y", str(rows))

    def type(self, key: str) -> None:
        """Press a key, such as `C-c`."""
        self.tmux("send-keys", key)

    def wait(self, text: str, timeout_s: float = 60) -> list[str]:
        """The rows, once one of them has `text`."""
        rows: list[str] = []
        for _ in looks(timeout_s, 0.1):
            rows = self.rows()
            if any(text in row for row in rows):
                return rows
        raise AssertionError(f"no `{text}` in: {rows}")


@contextmanager
def window(folder: Path, command: Sequence[str], columns: int, rows: int) -> Iterator[Window]:
    """A window in which a program runs; `folder` has a short path, since that of a socket may have 107 letters."""
    made = Window(folder / "tmux")
    size = ("-x", str(columns), "-y", str(rows))
    # `-f`: with nobody's own settings. `remain-on-exit` keeps what the program left.
    made.tmux("-f", "/dev/null", "new-session", "-d", *size, "cat", ";", "set-option", "-g", "remain-on-exit", "on")
    made.tmux("respawn-pane", "-k", *command)
    try:
        yield made
    finally:
        made.tmux("kill-server")


class Keyboard:
    """The far side of a pseudo-terminal: what a program shows there, and what is typed for it."""

    def __init__(self, far: int, process: subprocess.Popen[bytes]) -> None:
        self._far = far
        self._process = process
        self._seen = b""
        self._waited = 0  # how much of what was shown had come at the last wait

    @property
    def shown(self) -> str:
        """All that was shown up to now, what was typed too."""
        return self._seen.decode(errors="replace").replace("\r\n", "\n")

    def type(self, keys: str) -> None:
        """Press keys; `\\x03` is Ctrl-C, `\\x04` Ctrl-D."""
        os.write(self._far, keys.encode())

    def wait(self, text: str, timeout_s: float = 120) -> str:
        """All that was shown, once `text` has come since the last wait."""
        for _ in looks(timeout_s, 0):
            if text in self.shown[self._waited :]:
                self._waited = len(self.shown)
                return self.shown
            if not self._reads():
                break
        raise AssertionError(f"no `{text}` in: {self.shown[self._waited :]}")

    def end(self, timeout_s: float = 120) -> int:
        """The exit code, once the program has ended by itself."""
        for _ in looks(timeout_s, 0):
            if not self._reads():
                return self._process.wait(timeout_s)
        raise AssertionError(f"it goes on: {self.shown}")

    def _reads(self) -> bool:
        """Take what comes within a second; false once nobody has the other side open."""
        if select.select([self._far], [], [], 1)[0]:
            try:
                self._seen += os.read(self._far, 65536)
            except OSError:  # EIO: the last program there has ended
                return False
        return True


@contextmanager
def keyboard(command: Sequence[str], environment: Mapping[str, str], stdout: Path | None = None) -> Iterator[Keyboard]:
    """A program whose terminal is a new pseudo-terminal; its output goes there too, or into the file `stdout`."""
    far, near = pty.openpty()
    set_window(near, 100, 30)
    out = near if stdout is None else os.open(stdout, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    process = subprocess.Popen(["setsid", "--ctty", *command], stdin=near, stdout=out, stderr=near, env=environment)
    for descriptor in {near, out}:
        os.close(descriptor)
    try:
        yield Keyboard(far, process)
    finally:
        with suppress(ProcessLookupError):
            process.kill()
        process.wait()
        os.close(far)

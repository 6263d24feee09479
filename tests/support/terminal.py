"""A program in a real terminal of a chosen size: tmux, which keeps what scrolled away, and pseudo-terminals."""

from __future__ import annotations

import fcntl
import struct
import subprocess
import termios
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
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

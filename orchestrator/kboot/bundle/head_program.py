"""The program at a bundle's head: `head/head.sh` with `head/install.py` in it."""

from __future__ import annotations

from importlib.resources import files


def head_program() -> bytes:
    """Return the program, without the lines that `layout.head` puts before it."""
    folder = files(__package__).joinpath("head")
    script = folder.joinpath("head.sh").read_text()
    return script.replace("@INSTALL@", folder.joinpath("install.py").read_text().rstrip()).encode()

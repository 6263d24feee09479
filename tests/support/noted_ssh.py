"""A stand-in for ssh that reaches nobody, and notes that it was asked."""

from __future__ import annotations

from pathlib import Path

import pytest


def noted_ssh(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Put it first on PATH; return the file that is there once a machine was to be reached, a line each time."""
    log, tool = folder / "ssh.log", folder / "bin" / "ssh"
    tool.parent.mkdir()
    tool.write_text(f'#!/bin/sh\necho "$@" >>{log}\n')
    tool.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tool.parent}:/usr/bin:/bin")
    return log

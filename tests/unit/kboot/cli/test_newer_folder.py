"""A cluster's folder of a newer kboot, and every command that would read or change it."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path

import pytest

from kboot.cli.main import build_parser, run
from kboot.host.migrations import FORMAT

from .test_cli import RACK

# These look at no cluster's folder.
_NO_FOLDER = {"init", "validate", "schema", "convert", "completion", "version", "node declare"} | {
    f"bundle {name}" for name in ("create", "diff", "inspect", "load", "verify")
}
# What a command needs beside the options that every one has; FILE is a description.
_ARGUMENTS = {
    "up": "FILE",
    "diff": "FILE",
    "render": "FILE -o out",
    "lab up": "FILE",
    "lab down": "--cluster rack",
    "lab console": "node1",
    "lab ssh": "node1",
    "lab exec": "true",
    "lab power": "node1 cycle",
    "lab remove": "node1",
    "lab add": "--mac 52:54:00:00:00:09",
    "lab release": "3975.2.1",
    "certs renew": "--all",
    "certs export": "out",
    "images load": "FILE",
    "os use": "4230.2.3",
    "os import": ".",
    "assets add": "FILE --version v1.36.2",
    "etcd restore": "FILE --yes",
    "inventory": "--hosts",
    "support-bundle": "-o out",
    **{f"node {verb}": "node1" for verb in ("show", "reinstall", "disarm", "drain", "uncordon", "apply", "forget")},
}


def _commands(parser: argparse.ArgumentParser) -> Iterator[str]:
    """Every command as it is typed, without `kboot`."""
    groups = [action for action in parser._actions if isinstance(action, argparse._SubParsersAction)]
    if not groups:
        yield parser.prog.removeprefix("kboot ")
    for group in groups:
        for child in group.choices.values():
            yield from _commands(child)


def _tree(root: Path) -> dict[str, tuple[int, bytes]]:
    """Every file below `root`: when it was written, and what it holds."""
    return {str(path): (path.stat().st_mtime_ns, path.read_bytes()) for path in root.rglob("*") if path.is_file()}


@pytest.fixture
def newer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A root with the folder of a newer kboot, which keeps its description elsewhere."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "FILE").write_text(RACK)
    folder = tmp_path / "root" / "rack"
    (folder / "pki").mkdir(parents=True)
    (folder / "pki" / "cluster-ca.key").write_text("a key")
    (folder / "kboot.json").write_text('{"kboot": "9.1.0", "format": 7}')
    return tmp_path / "root"


@pytest.mark.parametrize("command", sorted(set(_commands(build_parser())) - _NO_FOLDER - {"doctor"}))
def test_every_command_refuses_it_before_it_changes_anything(
    command: str, newer: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = _tree(newer)
    assert run([*command.split(), "--root", str(newer), *_ARGUMENTS.get(command, "").split()]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.endswith(
        f"error: {newer / 'rack'}: was changed by kboot 9.1.0 and has format 7; "
        f"this is kboot {version('kboot')}, which knows formats up to {FORMAT}\n"
        "  hint: install kboot 9.1.0 or newer, and run this with that\n"
    )
    assert _tree(newer) == before
    assert not (newer.parent / "out").exists()


@pytest.mark.parametrize("arguments", [["FILE"], []])
def test_doctor_tells_of_it_beside_the_rest(
    arguments: list[str], newer: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["doctor", *arguments, "--root", str(newer)]) == 1
    out = capsys.readouterr().out
    assert f"FAIL  folder    {newer / 'rack'}: was changed by kboot 9.1.0 and has format 7; " in out
    assert "hint: install kboot 9.1.0 or newer" in out
    assert "  user  " in out

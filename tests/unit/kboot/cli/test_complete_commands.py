"""Commands in what people are told name their cluster where the root holds two, each command in its way."""

from __future__ import annotations

import argparse
import re
import shlex
from collections.abc import Iterator
from io import StringIO
from pathlib import Path

import pytest

from kboot.cli.complete_commands import completer
from kboot.cli.main import build_parser, run
from kboot.cli.node_show import node_lines
from kboot.cli.tables import plain
from kboot.host.progress import Progress
from kboot.host.told_commands import Complete, complete_by, told
from kboot_clusterdesc import ClusterFolder
from support.statuses import NOW, machine
from unit.clusterdesc.sample import SAMPLE

PARSER = build_parser()


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A root that holds the clusters `ail` and `lab`."""
    for name in ("ail", "lab"):
        _keep(tmp_path / "root", name)
    return tmp_path / "root"


@pytest.fixture
def ail(root: Path) -> Iterator[None]:
    """What is told is told by a command that was typed for the cluster `ail`, one of two."""
    complete_by(_completer(root, "status", "--cluster", "ail"))
    yield
    complete_by(None)


def _keep(root: Path, name: str) -> None:
    folder = ClusterFolder(root, name)
    folder.path.mkdir(parents=True)
    folder.description.write_text(SAMPLE)


def _completer(root: Path, *words: str) -> Complete:
    return completer(PARSER, PARSER.parse_args([*words, "--root", str(root)]))


def _commands(parser: argparse.ArgumentParser, *name: str) -> Iterator[tuple[str, argparse.ArgumentParser]]:
    """Each command with its parser; one that has commands of its own is none."""
    below = [action for action in parser._actions if isinstance(action, argparse._SubParsersAction)]
    if not below:
        yield " ".join(name), parser
    for group in below:
        for word, each in group.choices.items():
            yield from _commands(each, *name, word)


COMMANDS = dict(_commands(PARSER))


def _example(name: str) -> str:
    """The command as it stands in its example, without a cluster and what the shell does besides."""
    _, command, more = (COMMANDS[name].epilog or "").partition(f"kboot {name}")
    return command + re.split(r"\n| [|>&;]| --cluster ", more)[0]


def test_there_are_commands_of_each_kind() -> None:
    assert {"up", "node apply", "os rollout start", "lab exec", "bundle load"} <= COMMANDS.keys()
    assert "os rollout" not in COMMANDS


@pytest.mark.parametrize("name", sorted(COMMANDS))
def test_a_command_that_is_told_is_read_with_its_cluster_if_it_knows_one(name: str, ail: None) -> None:
    command = _example(name)
    completed = told(f"`{command}`").strip("`")
    before, after = (PARSER.parse_args(shlex.split(each)[1:]) for each in (command, completed))
    if "cluster" in before:
        assert vars(after) == {**vars(before), "cluster": "ail"}
    else:
        assert completed == command


@pytest.mark.parametrize(
    ("text", "completed"),
    [
        (
            "image etcd: `kboot images pull`, or without internet `kboot bundle load BUNDLE` or "
            "`kboot images load ARCHIVE`",
            "image etcd: `kboot images pull --cluster ail`, or without internet `kboot bundle load BUNDLE` or "
            "`kboot images load ARCHIVE --cluster ail`",
        ),
        ("read `kboot logs dnsmasq --cluster lab`", "read `kboot logs dnsmasq --cluster lab`"),
        ("`kboot events --json | jq .`", "`kboot events --json --cluster ail | jq .`"),
        ("`kboot lab exec curl http://a/b`", "`kboot lab exec --cluster ail curl http://a/b`"),
        ("`kboot up FILE`, `kboot diff FILE`", "`kboot up FILE`, `kboot diff FILE`"),
        ("`kboot os`, `sudo kboot-etcd ctl member list`", "`kboot os`, `sudo kboot-etcd ctl member list`"),
        ("`kboot node gone`, kboot status", "`kboot node gone`, kboot status"),
    ],
    ids=["several", "named already", "shell", "rest of the line", "by file", "no command of ours", "unknown"],
)
def test_only_what_lacks_its_cluster_is_completed(text: str, completed: str, ail: None) -> None:
    assert told(text) == completed


def test_a_description_names_the_cluster_that_it_brings_up_also_the_first_time(tmp_path: Path) -> None:
    file, root = tmp_path / "rack.yaml", tmp_path / "root"
    file.write_text(SAMPLE)
    first = completer(PARSER, PARSER.parse_args(["up", str(file), "--root", str(root)]))
    assert first("kboot status") == "kboot status"
    _keep(root, "other")
    for command in ("up", "diff", "doctor", "lab up"):
        complete = completer(PARSER, PARSER.parse_args([*command.split(), str(file), "--root", str(root)]))
        assert complete("kboot restart cloudconfig") == "kboot restart cloudconfig --cluster ail"
    file.write_text("nothing")
    wrong = completer(PARSER, PARSER.parse_args(["up", str(file), "--root", str(root)]))
    assert wrong("kboot status") == "kboot status"


def test_a_lab_of_no_file_is_that_of_the_example_and_other_commands_of_no_file_name_no_cluster(root: Path) -> None:
    assert _completer(root, "lab", "up")("kboot lab ps") == "kboot lab ps --cluster demo"
    assert _completer(root, "doctor")("kboot lab ps") == "kboot lab ps"


def test_the_only_cluster_of_a_root_is_not_named(tmp_path: Path) -> None:
    _keep(tmp_path, "ail")
    complete = completer(PARSER, PARSER.parse_args(["status", "--cluster", "ail", "--root", str(tmp_path)]))
    assert complete("kboot upgrade") == "kboot upgrade"


def test_errors_notes_and_progress_are_completed(root: Path, ail: None, capsys: pytest.CaptureFixture[str]) -> None:
    stream = StringIO()
    Progress(stream).say("image etcd: not in the registry yet: `kboot images pull`")
    assert stream.getvalue() == "image etcd: not in the registry yet: `kboot images pull --cluster ail`\n"
    assert run(["certs", "renew", "--cluster", "ail", "--root", str(root)]) == 2
    assert "name it as `kboot certs list --cluster ail` does" in capsys.readouterr().err
    run(["assets", "list", "--cluster", "ail", "--root", str(root)])
    assert "hint: `kboot assets pull --cluster ail`, or" in capsys.readouterr().err
    assert told("`kboot status`") == "`kboot status`"  # the line is done


def test_what_the_server_says_of_a_machine_is_completed_where_it_is_shown(ail: None) -> None:
    node = machine(1, "running", reason="`kboot node reinstall` arms it again", more_macs=[], update=None)
    assert "`kboot node reinstall --cluster ail` arms it again" in plain(node_lines(node, NOW, None)[1])

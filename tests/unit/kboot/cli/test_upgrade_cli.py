"""`kboot upgrade` as it is typed: what is refused, what is said, and what Ctrl-C does."""

from __future__ import annotations

import signal
from pathlib import Path

import pytest

from kboot.cli.main import run
from kboot.cli.upgrade import _stop_on_interrupt, plan_lines
from kboot.upgrade.plan import NodeState, plan_upgrade
from kboot_clusterdesc import ClusterFolder, Role, dump
from support.fleets import Fleet

_NEW = "v1.36.2"


@pytest.fixture
def bare(tmp_path: Path) -> str:
    """The root of a cluster without Kubernetes."""
    desc = Fleet(kubernetes=False).desc
    folder = ClusterFolder(tmp_path, desc.cluster.name)
    folder.path.mkdir()
    folder.description.write_bytes(dump(desc))
    return str(tmp_path)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (
            ["upgrade"],
            "error: cluster ail runs no Kubernetes\n  hint: its description has no `kubernetes`: "
            "`kboot node apply NAME`, one machine after the other\n",
        ),
        (
            ["upgrade", "--batch", "0"],
            "error: --batch 0: a batch has a node at least\n  hint: say `--batch 1`, or more\n",
        ),
        (
            ["node", "drain", "w2"],
            "error: cluster ail runs no Kubernetes\n  hint: its description has no `kubernetes`\n",
        ),
        (
            ["node", "uncordon", "w2"],
            "error: cluster ail runs no Kubernetes\n  hint: its description has no `kubernetes`\n",
        ),
    ],
    ids=" ".join,
)
def test_what_cannot_be_is_refused_before_anybody_is_asked(
    bare: str, words: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run([*words, "--root", bare]) == 2
    assert capsys.readouterr() == ("", said)


def test_a_plan_says_who_comes_when_and_what_is_in_the_way() -> None:
    nodes = [
        NodeState("c1", (Role.CONTROL_PLANE,), kubelet=_NEW, is_ready=True, is_current=True),
        *(NodeState(name, (Role.WORKER,), kubelet="v1.35.4", is_ready=name != "w2") for name in ("w1", "w2", "w3")),
        NodeState("w4", (Role.WORKER,), is_installed=False),
    ]
    assert plan_lines(plan_upgrade(_NEW, nodes, 2)) == [
        "to v1.36.2, one line after the other:",
        "  w1, w2",
        "  w3",
        "done already: c1",
        "not installed yet, left out: w4",
        "in the way: w2: is not Ready",
    ]
    done = "nothing to do: every declared node has v1.36.2 and its config"
    assert plan_lines(plan_upgrade(_NEW, nodes[:1], 2)) == [done]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_ctrl_c_and_its_like_ask_for_a_stop_and_cut_nothing(
    number: signal.Signals, capsys: pytest.CaptureFixture[str]
) -> None:
    before = signal.signal(number, signal.SIG_DFL)  # nohup has all below it ignore one of them
    try:
        with _stop_on_interrupt() as stop:
            assert not stop.is_set()
            signal.raise_signal(number)
            assert stop.is_set()
        assert signal.getsignal(number) is signal.SIG_DFL
    finally:
        signal.signal(number, before)
    assert capsys.readouterr().err == "stopping after the step under way\n"


def test_an_upgrade_under_nohup_goes_on_without_its_terminal() -> None:
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with _stop_on_interrupt() as stop:
            signal.raise_signal(signal.SIGHUP)
            assert not stop.is_set()
        assert signal.getsignal(signal.SIGHUP) is signal.SIG_IGN
    finally:
        signal.signal(signal.SIGHUP, before)

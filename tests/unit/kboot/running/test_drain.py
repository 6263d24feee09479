"""What is made of the words of kubectl v1.36.2, heard from a real API server."""

from __future__ import annotations

import stat
from ipaddress import IPv4Address
from pathlib import Path

import pytest

from kboot.cli.node import takes_pods
from kboot.errors import ExitCode, KbootError
from kboot.running.drain import DrainBlocked, blocked_pods, drain
from kboot.running.kubectl import ApiServer, Kubectl

_BUDGET = "Cannot evict pod as it would violate the pod's disruption budget."
_RETRY = f'error when evicting pods/"db-0" -n "default" (will retry after 5s): {_BUDGET}'
_TIMEOUT = 'error when evicting pods/"db-0" -n "default": global timeout reached: 12s'
_HELD = [
    "node/node2 cordoned",
    "evicting pod default/web-0",
    "evicting pod default/db-0",
    _RETRY,
    "pod/web-0 evicted",
    "evicting pod default/db-0",
    _RETRY,
    f'There are pending pods in node "node2" when an error occurred: {_TIMEOUT}',
    "pod/db-0",
    f'error: unable to drain node "node2" due to error: {_TIMEOUT}, continuing command...',
    "There are pending nodes to be drained:",
    " node2",
    _TIMEOUT,
]
_BARE = "cannot delete Pods that declare no controller (use --force to override): default/bare"
_UNMANAGED = [
    "node/node2 cordoned",
    f'error: unable to drain node "node2" due to error: {_BARE}, continuing command...',
    "There are pending nodes to be drained:",
    " node2",
    _BARE,
]
_UNKNOWN = ['Error from server (NotFound): nodes "nodeX" not found']


def speaking(folder: Path, lines: list[str], status: int) -> Kubectl:
    """A kubectl that says these lines: the far side of our edge."""
    (folder / "lines").write_text("".join(f"{line}\n" for line in lines))
    program = folder / "kubectl"
    program.write_text(f'#!/bin/sh\nprintf "%s\\n" "$*" >{folder}/asked\ncat {folder}/lines\nexit {status}\n')
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    server = ApiServer("c1", IPv4Address("10.0.0.1"))
    return Kubectl(program, folder, ("--tls-server-name=kubernetes",), lambda: [server])


def test_a_drained_node_is_told_line_by_line(tmp_path: Path) -> None:
    said: list[str] = []
    lines = ["node/node2 cordoned", "evicting pod default/web-0", "pod/web-0 evicted", "node/node2 drained"]
    drain(speaking(tmp_path, lines, 0), "node2", 300, said.append)
    assert said == [f"  {line}" for line in lines]
    assert (tmp_path / "asked").read_text() == (
        "--tls-server-name=kubernetes --server=https://10.0.0.1:6443 "
        "drain node2 --ignore-daemonsets --delete-emptydir-data --timeout=300s\n"
    )


@pytest.mark.parametrize(
    ("lines", "expected", "code"),
    [
        (
            _HELD,
            f"node2 is cordoned, but not drained within 12 s: default/db-0: {_BUDGET}\n  hint: see to what its "
            "PodDisruptionBudget waits for (`kubectl get pdb -A`)",
            ExitCode.NOT_YET,
        ),
        (_UNMANAGED, f"node2 is not drained: {_BARE}\n  hint: those would not come back", ExitCode.NOT_YET),
        (
            ["node/node2 cordoned", f'error: unable to drain node "node2" due to error: {_TIMEOUT}'],
            f"node2 is cordoned, but not drained within 12 s: {_TIMEOUT}\n  hint: its pods end slowly",
            ExitCode.NOT_YET,
        ),
        (_UNKNOWN, f"node2 cannot be drained: {_UNKNOWN[0]}\n", ExitCode.FAILED),
        ([], "node2 cannot be drained: kubectl said nothing\n", ExitCode.FAILED),
    ],
    ids=["budget", "no controller", "slow", "unknown", "silent"],
)
def test_what_hinders_is_said_with_a_way_out(tmp_path: Path, lines: list[str], expected: str, code: ExitCode) -> None:
    with pytest.raises(KbootError) as stopped:
        drain(speaking(tmp_path, lines, 1), "node2", 12, lambda line: None)
    assert str(stopped.value).startswith(expected)
    assert stopped.value.exit_code is code


def test_what_is_said_again_and_again_is_told_once_and_the_end_in_the_error_alone(tmp_path: Path) -> None:
    said: list[str] = []
    with pytest.raises(DrainBlocked):
        drain(speaking(tmp_path, _HELD, 1), "node2", 12, said.append)
    assert said == [f"  {line}" for line in _HELD[:5]]


def test_ctrl_c_says_that_the_node_stays_cordoned(tmp_path: Path) -> None:
    said: list[str] = []
    kubectl = speaking(tmp_path, ["node/node2 cordoned"], 0)
    kubectl.program.write_text(kubectl.program.read_text().replace("exit 0", "kill -INT $PPID; exec sleep 60"))
    with pytest.raises(KeyboardInterrupt):
        drain(kubectl, "node2", 300, said.append)
    way = "`kboot node uncordon node2` takes it back"
    assert said == ["  node/node2 cordoned", f"node2 may be cordoned by now, and some of its pods moved: {way}"]


def test_a_pod_that_went_after_all_holds_nothing() -> None:
    assert blocked_pods([_RETRY]) == {"default/db-0": _BUDGET}
    assert blocked_pods([_RETRY, "pod/db-0 evicted"]) == {}


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        ({}, False),
        ({"kubernetes": {"nodes": {}}}, False),
        ({"kubernetes": {"nodes": {"n": {"ready": True, "cordoned": False}}}}, True),
        ({"kubernetes": {"nodes": {"n": {"ready": True, "cordoned": True}}}}, False),
        ({"kubernetes": {"nodes": {"n": {"ready": False, "cordoned": False}}}}, False),
    ],
)
def test_only_a_ready_node_that_is_not_cordoned_takes_pods(answer: dict[str, object], expected: bool) -> None:
    assert takes_pods(answer, "n") is expected

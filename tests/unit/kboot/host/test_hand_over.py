"""What `kboot restart` says of a service that hands over: the engine's client stands in for the engine."""

from __future__ import annotations

from pathlib import Path
from typing import Any, ClassVar, NamedTuple

import pytest

from kboot.errors import ExitCode, NotYet
from kboot.host.engine import Engine
from kboot.host.hand_over import hand_over
from kboot_clusterdesc import ClusterFolder

LOGS = "docker compose -p kboot-ail logs cloudconfig"


class _Answer(NamedTuple):
    exit_code: int
    output: bytes


class _Container:
    """The container of a healthy cloud-config server, which tells one thing before a SIGHUP and another after it."""

    name = id = "kboot-ail-cloudconfig-1"
    status = "running"
    labels: ClassVar = {"com.docker.compose.service": "cloudconfig"}
    attrs: ClassVar = {"State": {"Status": "running", "Running": True, "Health": {"Status": "healthy"}}}

    def __init__(self, before: str, after: str) -> None:
        self._told, self._after = before, after
        self.signals: list[str] = []

    def exec_run(self, command: list[str]) -> _Answer:
        assert command == ["cat", "/run/kboot/generation"]
        return _Answer(0, f"{self._told}\n".encode())

    def kill(self, signal: str) -> None:
        self.signals.append(signal)
        self._told = self._after


class _Client:
    """A Docker client that knows one container."""

    def __init__(self, container: _Container) -> None:
        self.containers = self
        self._container = container

    def list(self, **_: Any) -> list[_Container]:
        return [self._container]


def _restart(tmp_path: Path, before: str, after: str) -> list[str]:
    container = _Container(before, after)
    client: Any = _Client(container)
    Engine(ClusterFolder(tmp_path, "ail"), client).restart(["cloudconfig"])
    return container.signals


def test_a_restart_is_done_when_the_next_server_serves(tmp_path: Path) -> None:
    assert _restart(tmp_path, "4 serving", "5 serving") == ["HUP"]


@pytest.mark.parametrize("before", ["5 serving", "5 waiting 4"])
def test_a_restart_that_waits_for_downloads_is_not_yet_done(tmp_path: Path, before: str) -> None:
    with pytest.raises(NotYet) as refused:
        _restart(tmp_path, before, "5 waiting 4")
    assert str(refused.value) == (
        "cloudconfig is still the one from before: 4 servers before it finish downloads, and no more may\n"
        "  hint: the next one takes over by itself as soon as one of them is done, within half an hour"
    )
    assert refused.value.exit_code == ExitCode.NOT_YET


def test_a_restart_whose_next_server_failed_is_not_done(tmp_path: Path) -> None:
    with pytest.raises(NotYet, match="its next process did not take over") as refused:
        _restart(tmp_path, "4 serving", "5 failed")
    assert refused.value.hint == f"read `{LOGS}`"


def test_a_server_that_tells_nothing_new_is_still_the_one_from_before() -> None:
    with pytest.raises(NotYet, match="is still the one from before: its next process has not taken over in 0 s"):
        hand_over("cloudconfig", lambda: "4 serving", lambda: None, LOGS, within_s=0.1)

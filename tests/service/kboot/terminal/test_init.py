"""`kboot init` on a terminal, typed to, on a machine with two networks: one of the rack, one by which it goes out."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from ipaddress import IPv4Address
from pathlib import Path

import pytest

from kboot_clusterdesc import load
from support.namespace import Namespace, cabled, ip
from support.terminal import Keyboard, keyboard

_KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIE9ubHlBbkV4YW1wbGUuUHV0WW91cktleUluSXRzUGxh kim@desk"
_FOUND = """\
  1: 10.10.14.253 on rack0 in 10.10.14.0/24
  2: 192.0.2.10 on site0 in 192.0.2.0/24, router 192.0.2.1
network of the machines [1]: """

Init = Callable[..., AbstractContextManager[Keyboard]]


@pytest.fixture(scope="module")
def machine() -> Iterator[Namespace]:
    """The machine that is to be the bootstrapper."""
    with cabled({"rack0": "10.10.14.253/24", "site0": "192.0.2.10/24"}, "init") as (made, _):
        ip("-n", made.name, "route", "add", "default", "via", "192.0.2.1", "dev", "site0")
        yield made


@pytest.fixture
def init(machine: Namespace, tmp_path: Path) -> Init:
    """`kboot init` with some options, called by somebody with one ssh key."""
    (tmp_path / ".ssh").mkdir()
    (tmp_path / ".ssh" / "id_ed25519.pub").write_text(f"{_KEY}\n")
    environment = {name: value for name, value in os.environ.items() if name != "SUDO_USER"} | {"HOME": str(tmp_path)}
    entered = ["ip", "netns", "exec", machine.name, sys.executable, "-m", "kboot.cli.main", "init"]

    def started(*options: str, stdout: Path | None = None) -> AbstractContextManager[Keyboard]:
        return keyboard([*entered, *options], environment, stdout)

    return started


def test_what_it_cannot_know_is_asked_and_the_rest_is_found(init: Init, tmp_path: Path) -> None:
    path = tmp_path / "cluster.yaml"
    with init(stdout=path) as typed:
        assert typed.wait("machines [1]: ") == _FOUND
        typed.type("3\n")
        typed.wait("a number from 1 to 2\nnetwork of the machines [1]: ")
        typed.type("2\n")
        typed.wait("name of the cluster [lab]: ")
        typed.type("ail\n")
        assert typed.end() == 0
        assert typed.shown.endswith("network: 192.0.2.10 on site0 in 192.0.2.0/24, router 192.0.2.1; ssh keys: 1\n")
    desc = load(path)
    assert (desc.cluster.name, desc.network.bootstrapper) == ("ail", IPv4Address("192.0.2.10"))
    assert list(desc.network.routers) == [IPv4Address("192.0.2.1")]
    assert list(desc.ssh_authorized_keys) == [_KEY]


def test_enter_takes_what_is_proposed(init: Init, tmp_path: Path) -> None:
    path = tmp_path / "cluster.yaml"
    with init("-o", str(path)) as typed:
        typed.wait("machines [1]: ")
        typed.type("\n")
        typed.wait("name of the cluster [lab]: ")
        typed.type("\n")
        assert typed.end() == 0
        assert typed.shown.endswith(f"wrote {path} - next: `kboot validate {path}`\n")
    desc = load(path)
    assert (desc.cluster.name, desc.network.bootstrapper) == ("lab", IPv4Address("10.10.14.253"))


@pytest.mark.parametrize(
    ("key", "code", "said"),
    [
        ("\x03", 130, "interrupted\n"),
        ("\x04", 2, "error: the questions were not answered\n  hint: `kboot init --here` asks none\n"),
    ],
    ids=["ctrl-c", "ctrl-d"],
)
def test_whoever_breaks_off_gets_no_file(key: str, code: int, said: str, init: Init, tmp_path: Path) -> None:
    path = tmp_path / "cluster.yaml"
    with init("-o", str(path)) as typed:
        typed.wait("machines [1]: ")
        typed.type("\n")
        typed.wait("name of the cluster [lab]: ")
        typed.type(key)
        assert typed.end() == code
        assert typed.shown.endswith(said)
        assert "Traceback" not in typed.shown
    assert not path.exists()


def test_a_file_that_exists_is_refused_before_anything_is_asked(init: Init, tmp_path: Path) -> None:
    path = tmp_path / "cluster.yaml"
    path.write_text("# mine\n")
    with init("-o", str(path)) as typed:
        assert typed.end() == 2
        assert typed.shown == (f"error: {path}: exists already\n  hint: choose another name, or move that file away\n")
    assert path.read_text() == "# mine\n"


def test_with_here_nothing_is_asked_on_a_terminal_either(init: Init, tmp_path: Path) -> None:
    path = tmp_path / "cluster.yaml"
    with init("--here", stdout=path) as typed:
        assert typed.end() == 0
        assert typed.shown == "network: 10.10.14.253 on rack0 in 10.10.14.0/24; ssh keys: 1\n"
    assert load(path).network.bootstrapper == IPv4Address("10.10.14.253")

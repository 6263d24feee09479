"""Who is given what kboot sends by ssh: the real ssh, and far sides that let anybody in."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from kboot.errors import ExitCode, KbootError, NotYet
from kboot.running.cloudconfig_client import JsonObject
from kboot.running.ssh import Login, remote
from kboot_clusterdesc import ClusterFolder
from support.ssh_server import SshServer, answering, ssh_program

_ADDRESS = "127.0.0.1"
_SECRET = b"-----BEGIN PRIVATE KEY-----\n" + b"a secret " * 1000


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ClusterFolder:
    """A cluster's folder, at a path in which ssh could see two files or a token of its own."""
    for name, value in ssh_program(tmp_path).items():
        monkeypatch.setenv(name, value)
    made = ClusterFolder(tmp_path / "100%h root", "unit")
    made.pki.mkdir(parents=True)
    return made


@pytest.fixture
def machine() -> Iterator[SshServer]:
    """The machine that was installed."""
    with answering(SshServer(), _ADDRESS) as made:
        yield made


@pytest.fixture(params=["ssh-ed25519", "ecdsa-sha2-nistp256"])
def other(request: pytest.FixtureRequest) -> Iterator[SshServer]:
    """Another machine at its address."""
    with answering(SshServer(request.param), _ADDRESS) as made:
        yield made


def node(*keys: str, installed: str = "2026-01-01T00:00:00Z") -> JsonObject:
    """A node as the cloud-config server shows it."""
    return {
        "mac": "52:54:00:00:00:01",
        "name": "node1",
        "ip": _ADDRESS,
        "phases": {"installed": installed},
        "ssh_host_keys": list(keys),
    }


def send(
    folder: ClusterFolder,
    server: SshServer,
    told: JsonObject,
    monkeypatch: pytest.MonkeyPatch,
    trusts_first_contact: bool = False,
) -> bytes:
    """Send the secret to a node at whose address `server` answers; what was said back."""
    monkeypatch.setenv("SSH_PORT", str(server.port))
    login = Login(trusts_first_contact=trusts_first_contact)
    return remote(folder, told, login).run(["put", "a b"], given=_SECRET, timeout_s=60)


@pytest.mark.parametrize("kind", ["ssh-ed25519", "ecdsa-sha2-nistp384", "ssh-rsa"])
def test_the_machine_that_shows_a_key_it_told_is_given_what_is_sent(
    folder: ClusterFolder, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with answering(SshServer(kind), _ADDRESS) as machine:
        told = node(SshServer("ecdsa-sha2-nistp256").host_key, machine.host_key)
        assert send(folder, machine, told, monkeypatch) == b"done\n"
    assert (machine.commands, machine.given) == (["sudo put 'a b'"], [_SECRET])


def test_who_shows_another_key_is_given_not_one_byte(
    folder: ClusterFolder, machine: SshServer, other: SshServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(KbootError, match=r"^node1: somebody else answers at 127\.0\.0\.1, or the") as caught:
        send(folder, other, node(machine.host_key), monkeypatch, trusts_first_contact=True)
    assert caught.value.exit_code is ExitCode.FAILED
    assert "systemctl restart kboot-report" in caught.value.hint
    assert (other.commands, other.given) == ([], [])


def test_the_operators_own_configuration_of_ssh_makes_no_exception(
    folder: ClusterFolder, machine: SshServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with answering(SshServer(), _ADDRESS) as other:
        (tmp_path / "known").write_text(f"* {other.host_key}\n")
        (tmp_path / "config").write_text(
            "StrictHostKeyChecking no\n"
            f"UserKnownHostsFile {tmp_path}/known\nGlobalKnownHostsFile {tmp_path}/known\n"
            f"KnownHostsCommand /bin/cat {tmp_path}/known\n"
        )
        with pytest.raises(KbootError, match="somebody else answers"):
            send(folder, other, node(machine.host_key), monkeypatch)
    assert (other.commands, other.given) == ([], [])


def test_a_machine_that_told_no_key_is_gone_to_only_where_that_is_asked_for(
    folder: ClusterFolder, machine: SshServer, other: SshServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(NotYet, match=r"^node1 has not told its ssh host keys yet\n") as caught:
        send(folder, machine, node(), monkeypatch)
    assert "`--trust-first-contact`" in caught.value.hint
    assert machine.commands == []
    assert send(folder, machine, node(), monkeypatch, trusts_first_contact=True) == b"done\n"
    with pytest.raises(KbootError, match=r"^node1: somebody else answers at .* than at the first contact"):
        send(folder, other, node(), monkeypatch, trusts_first_contact=True)
    assert other.given == []
    again = node(installed="2026-02-02T00:00:00Z")
    assert send(folder, other, again, monkeypatch, trusts_first_contact=True) == b"done\n"


def test_the_keys_that_a_machine_told_last_are_all_that_is_known(
    folder: ClusterFolder, machine: SshServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    newer = SshServer()
    send(folder, machine, node(machine.host_key), monkeypatch)
    with pytest.raises(KbootError, match="somebody else answers"):
        send(folder, machine, node(newer.host_key), monkeypatch)
    (file,) = (folder.pki / "ssh").iterdir()
    assert (file.name, file.read_text()) == ("52-54-00-00-00-01", f"52-54-00-00-00-01 {newer.host_key}\n")
    assert machine.given == [_SECRET]


def test_what_a_machine_told_before_counts_while_the_server_cannot_be_asked(
    folder: ClusterFolder, machine: SshServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    unasked = {**node(), "phases": {}, "ssh_host_keys": None}
    with pytest.raises(NotYet, match=r"^the ssh host keys of node1 are not known here\n  hint: `kboot up`"):
        send(folder, machine, unasked, monkeypatch)
    send(folder, machine, node(machine.host_key), monkeypatch)
    assert send(folder, machine, unasked, monkeypatch) == b"done\n"

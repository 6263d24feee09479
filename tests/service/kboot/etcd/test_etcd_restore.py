"""`kboot etcd restore` with three real members of etcd and the real scripts of their machines."""

from __future__ import annotations

import io
import os
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path

import pytest

from kboot.cli.main import run
from service.kboot.etcd.machines import FAKES, Site

_CHECKS = [
    "node1 kboot-api-server status",
    "node2 kboot-api-server status",
    "node1 kboot-etcd pull",
    "node2 kboot-etcd pull",
    "node3 kboot-etcd pull",
]
_STOPS = [
    "node1 kboot-api-server stop",
    "node2 kboot-api-server stop",
    "node1 systemctl stop etcd.service",
    "node2 systemctl stop etcd.service",
    "node3 systemctl stop etcd.service",
]
_RESTORES = ["node1 kboot-etcd restore -", "node2 kboot-etcd restore -", "node3 kboot-etcd restore -"]
_STARTS = [
    "node1 systemctl start --no-block etcd.service",
    "node2 systemctl start --no-block etcd.service",
    "node3 systemctl start --no-block etcd.service",
    "node1 kboot-api-server start",
    "node2 kboot-api-server start",
]


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Site:
    """Machines that are reached, etcd on none of them started."""
    made = Site(tmp_path)
    for name, value in made.environment.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("PATH", f"{FAKES}:{os.environ['PATH']}")
    return made


@pytest.fixture
def snapshot(site: Site, tmp_path: Path) -> Iterator[Path]:
    """Of what the client has written by now: etcd runs everywhere."""
    file = tmp_path / "etcd.db"
    try:
        site.start()
        assert run(["etcd", "snapshot", "-o", str(file), "--root", str(site.root)]) == 0
        yield file
    finally:
        site.stop()


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """A snapshot as far as anybody looks before etcd is touched."""
    database = bytes(16) + (0xED0CDAED).to_bytes(4, "little") + bytes(492)
    path = tmp_path / "etcd.db"
    path.write_bytes(database + sha256(database).digest())
    return path


def restore(site: Site, file: Path, *words: str) -> int:
    """The command's exit code; there is no cloud-config server here that knew a host key."""
    return run(["etcd", "restore", str(file), "--trust-first-contact", *words, "--root", str(site.root)])


def test_every_member_is_back_at_the_snapshot_and_keeps_what_it_had(
    site: Site, snapshot: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    until_then = site.client.written
    site.client.put(site.machines[2])
    capsys.readouterr()
    assert restore(site, snapshot, "--yes") == 0
    out, err = capsys.readouterr()
    assert out == f"etcd of unit is back at {snapshot}\n"
    assert "reached: node1, node2, node3\n" in err
    assert "etcd           3 of 3 members healthy\n" in err
    assert site.commands() == [*_CHECKS, *_STOPS, *_RESTORES, *_STARTS]
    assert site.counts() == [until_then] * 3
    for machine in site.machines:
        (kept,) = machine.kept
        assert (kept / "member/snap/db").stat().st_size > 0
        assert not (machine.folder / "var/lib/etcd-snapshots/.restore.db").exists()
    assert all(machine.api_server_is_on for machine in site.machines[:2])
    site.client.put(site.machines[0])
    assert site.counts() == [until_then + 1] * 3

    by_hand = site.run(site.machines[0], "/opt/bin/kboot-etcd", "restore", str(snapshot))
    refusal = "kboot-etcd: etcd runs: stop etcd.service on every member first\n"
    assert (by_hand.returncode, by_hand.stderr) == (2, refusal)


def test_a_failure_on_the_way_says_what_stands_how_and_another_run_goes_on(
    site: Site, snapshot: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    until_then = site.client.written
    site.client.put(site.machines[0])
    (site.machines[1].folder / "refuses").write_text("*kboot-etcd restore*")
    capsys.readouterr()
    assert restore(site, snapshot, "--yes") == 1
    assert capsys.readouterr().err.endswith(
        "error: node2: `/opt/bin/kboot-etcd` ended with 1: no space left on device\n"
        "  so far: the API server is stopped on node1, node2; etcd is stopped on node1, node2, node3; "
        "the snapshot is restored on node1\n"
        "  hint: run the same command again: it goes on, with what is done already too\n"
    )
    assert not any(machine.api_server_is_on for machine in site.machines[:2])
    assert site.commands() == [*_CHECKS, *_STOPS, *_RESTORES[:2]]
    before = site.machines[0].kept

    (site.machines[1].folder / "refuses").unlink()
    assert restore(site, snapshot, "--yes") == 0
    assert site.commands() == [*_CHECKS, *_STOPS, *_RESTORES, *_STARTS]
    assert site.counts() == [until_then] * 3
    assert site.machines[0].kept == before  # what it had before the first run, and not what that run brought
    assert all(machine.api_server_is_on for machine in site.machines[:2])


def test_a_member_that_does_not_come_back_leaves_the_api_servers_stopped(
    site: Site, snapshot: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    environment = site.machines[2].folder / "etc/etcd/etcd.env"
    sound = environment.read_text()
    environment.write_text(sound.replace("ETCD_HEARTBEAT_INTERVAL=", "ETCD_HEARTBEAT_INTERVAL=x"))
    capsys.readouterr()
    assert restore(site, snapshot, "--yes", "--timeout", "15") == 1
    err = capsys.readouterr().err
    assert "error: etcd is not healthy after 15 s: node3 does not answer\n  so far: the API server is stopped on" in err
    assert "etcd is started on node1, node2, node3\n  hint: read `journalctl -u etcd` there" in err
    assert not any(machine.api_server_is_on for machine in site.machines[:2])

    environment.write_text(sound)
    assert restore(site, snapshot, "--yes") == 0
    assert all(machine.api_server_is_on for machine in site.machines[:2])
    assert all(len(machine.kept) == 2 for machine in site.machines)  # what was there first is not lost


@pytest.mark.parametrize(("off", "asked"), [(1, _CHECKS[:2]), (2, _CHECKS)])
def test_a_machine_out_of_reach_is_told_before_anything_is_changed(
    site: Site, file: Path, capsys: pytest.CaptureFixture[str], off: int, asked: list[str]
) -> None:
    (site.machines[off].folder / "off").touch()
    assert restore(site, file, "--yes") == 3
    assert capsys.readouterr().err == (
        f"error: node{off + 1} cannot be reached by ssh: ssh: connect to host {site.machines[off].node.ip} port 22: "
        "No route to host; this run changed nothing\n"
        "  hint: see that it runs (`kboot status`) and that this machine reaches it\n"
    )
    assert site.commands() == asked


def test_a_machine_that_is_known_by_no_host_key_is_not_gone_to_unless_that_is_asked_for(
    site: Site, file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["etcd", "restore", str(file), "--yes", "--root", str(site.root)]) == 3
    said = "error: the ssh host keys of node1 are not known here\n  hint: `kboot up` starts the cloud-config server"
    assert capsys.readouterr().err.startswith(said)
    assert site.commands() == []


def test_a_file_that_is_not_whole_is_refused_before_any_machine_is_asked(
    site: Site, file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file.write_bytes(file.read_bytes()[:-32] + bytes(32))
    assert restore(site, file, "--yes") == 2
    assert f"error: {file}: does not have the SHA-256 that it ends with" in capsys.readouterr().err
    assert site.commands() == []


class Terminal(io.StringIO):
    """Where a person types."""

    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(
    ("stdin", "said"),
    [
        (io.StringIO("yes\n"), "error: there is no terminal to ask on, and nothing was changed\n  hint: say `--yes`"),
        (Terminal("y\n"), "Type `yes` to go on: error: that was no `yes`: nothing was changed\n"),
        (Terminal(""), "Type `yes` to go on: error: that was no `yes`: nothing was changed\n"),
    ],
    ids=["no terminal", "another word", "end of input"],
)
def test_without_a_yes_nothing_is_done(
    site: Site,
    file: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    stdin: io.StringIO,
    said: str,
) -> None:
    monkeypatch.setattr("sys.stdin", stdin)
    assert restore(site, file) == 2
    err = capsys.readouterr().err
    assert said in err
    assert "  the API servers stop until that is done: node1, node2\n" in err
    assert site.commands() == []

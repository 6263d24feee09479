"""A state that is lost beside a cluster that was in force arms nobody, and says so, until the operator speaks."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from kboot.host.state_folder import make_data_folders
from kboot.host.waiting import looks
from kboot_clusterdesc import Mac

from .conftest import _DESCRIPTION, NODE1, NODE2, STRANGER, Server
from .test_joining import _DESCRIPTION as _OPEN

NODE3 = Mac("52:54:00:00:00:03")


def spoil(state: Path, change: Callable[[bytes], bytes]) -> None:
    """Change the database, whose log is lost."""
    database = state / "kboot.db"
    database.write_bytes(change(database.read_bytes()))
    for beside in state.glob("kboot.db-*"):
        beside.unlink()


def no_bytes(state: Path) -> None:
    """As a failed copy leaves it."""
    spoil(state, lambda content: b"")


def no_files(state: Path) -> None:
    """As somebody cleans up."""
    for path in state.iterdir():
        path.unlink()


def no_folder(state: Path) -> None:
    """As a backup is restored that left it out."""
    shutil.rmtree(state)


def only_nuls(state: Path) -> None:
    """As some file systems leave it after a power cut."""
    spoil(state, lambda content: bytes(len(content)))


def half(state: Path) -> None:
    """As a copy that broke off leaves it."""
    spoil(state, lambda content: content[: len(content) // 2])


LOSSES: dict[Callable[[Path], object], str] = {
    no_bytes: "kboot.db was empty",
    no_files: "kboot.db was missing",
    no_folder: "kboot.db was missing",
    only_nuls: "kboot.db was damaged: file is not a database",
    half: "kboot.db was damaged: database disk image is malformed",
}


def runs(server: Server, mac: Mac = NODE1) -> None:
    """Install a machine until it reports for duty."""
    server.install(mac)
    assert server.report(mac, "running", server.secrets.report_tokens[mac]).status_code == 204


def lose(server: Server, way: Callable[[Path], object]) -> None:
    """Stop the server as a power cut would, spoil its state, and start it again as `kboot up` does."""
    server.stop(kill=True)
    way(server.folder.state)
    make_data_folders(server.folder)
    server.start()


def is_installed_by(server: Server, mac: Mac) -> bool:
    """Whether its next network boot installs the machine, on any way to boot."""
    script = server.get(f"/boot/{mac.dashed}.ipxe", who=mac).text
    pxelinux = server.get("/pxelinux.cfg/default", who=mac).text
    installer = server.get(f"/install.sh?mac={mac.dashed}", who=mac).text
    assert "kernel http" in script or "sanboot" in script
    return "kernel http" in script or "KERNEL http" in pxelinux or "KBOOT_ARMED=yes" in installer


def declare(server: Server, *more: Mac) -> None:
    """Put a description into force that has these nodes besides the first two."""
    lines = "".join(f'  - {{mac: "{mac}", roles: [worker]}}\n' for mac in more)
    server.describe(_DESCRIPTION.replace("CONFIG", "ignition") + lines)
    for _ in looks(30, 0.1):
        if len(server.get("/v1/nodes").json()["nodes"]) == 2 + len(more):
            return


@pytest.mark.parametrize("way", LOSSES, ids=lambda way: str(way.__name__))
def test_a_lost_state_installs_nobody_and_says_so(server: Server, way: Callable[[Path], object]) -> None:
    runs(server)
    lose(server, way)
    assert not is_installed_by(server, NODE1)
    assert not is_installed_by(server, NODE2)
    state = server.get("/v1/nodes").json()
    assert [node["armed"] for node in state["nodes"]] == [False, False]
    assert {node["reason"] for node in state["nodes"]} == {"not armed: the state was lost"}
    assert state["doubt"]["reason"] == LOSSES[way]
    told = [event for event in server.events() if event["kind"] == "state-lost"]
    assert [event["reason"] for event in told] == [LOSSES[way]]
    lines = [json.loads(line) for line in server.log.read_text().splitlines()]
    said = [line for line in lines if line["event"] == "state-lost"]
    assert LOSSES[way] in said[0]["reason"]
    assert "kboot node reinstall" in said[0]["hint"]
    page = server.get("/").text
    assert "State lost" in page
    assert "kboot node reinstall" in page
    assert "kboot_state_lost 1.0\n" in server.get("/metrics").text


def test_a_lost_log_takes_no_disarming_back(server: Server) -> None:
    runs(server)
    lose(server, lambda state: (state / "kboot.db-wal").unlink())
    assert server.node(NODE1)["armed"] is False
    assert not is_installed_by(server, NODE1)
    assert server.arm(NODE2, "disarm").status_code == 200
    lose(server, lambda state: (state / "kboot.db-wal").unlink())
    assert server.node(NODE2)["armed"] is False


def test_a_file_that_is_no_database_is_kept_beside_the_new_one(server: Server) -> None:
    lose(server, lambda state: (state / "kboot.db").write_text("what somebody put here\n" * 100))
    doubt = server.get("/v1/nodes").json()["doubt"]
    assert doubt["kept"].startswith("kboot.db.damaged-")
    assert (server.folder.state / doubt["kept"]).read_text().startswith("what somebody put here\n")
    assert "Traceback" not in server.log.read_text()


def test_the_doubt_outlasts_restarts_and_each_is_told_once(server: Server) -> None:
    lose(server, no_files)
    before = server.get("/v1/nodes").json()["doubt"]
    server.stop(kill=True)
    server.start()
    assert server.get("/v1/nodes").json()["doubt"] == before
    assert len([event for event in server.events() if event["kind"] == "state-lost"]) == 1


def test_a_machine_that_runs_reports_itself_again(server: Server) -> None:
    runs(server)
    lose(server, no_bytes)
    config = (server.folder.node(NODE1) / "config-hash").read_text().strip()
    token = server.secrets.report_tokens[NODE1]
    assert server.report(NODE1, "running", token, config=config).status_code == 204
    node = server.node(NODE1)
    assert (node["phase"], node["armed"], node["config"], node["reason"]) == ("running", False, "current", None)
    assert not is_installed_by(server, NODE1)


def test_the_operator_arms_after_a_loss(server: Server) -> None:
    runs(server)
    lose(server, no_files)
    assert server.arm(NODE1).status_code == 200
    assert server.node(NODE1)["armed"] is True
    assert is_installed_by(server, NODE1)
    runs(server)
    assert not is_installed_by(server, NODE1)


def test_what_is_declared_in_doubt_waits_and_after_it_is_armed(server: Server) -> None:
    lose(server, no_files)
    declare(server, NODE3)
    assert server.node(NODE3)["armed"] is False  # it may have been declared, or let in, before
    assert settle(server) == 200
    assert server.get("/v1/nodes").json()["doubt"] is None
    assert [server.node(mac)["armed"] for mac in (NODE1, NODE2, NODE3)] == [False] * 3
    declare(server, NODE3, STRANGER)
    assert server.node(STRANGER)["armed"] is True
    assert any(event["kind"] == "settled" for event in server.events())


def test_who_is_no_machine_of_the_cluster_and_asks_in_doubt_is_armed_when_it_is_declared(server: Server) -> None:
    lose(server, no_files)
    server.lease(NODE1, NODE2, STRANGER)
    for method in ("GET", "HEAD"):
        assert server.ask(method, "/pxelinux.cfg/default", who=STRANGER).status_code == 200
    assert settle(server) == 200
    declare(server, STRANGER)
    assert (server.node(STRANGER)["armed"], server.node(STRANGER)["reason"]) == (True, None)


def settle(server: Server, token: str | None = None) -> int:
    """The answer to `kboot node settle`."""
    return server.ask("POST", "/v1/settle", tls=True, token=token or server.secrets.operator_token).status_code


def test_only_the_operator_token_ends_the_doubt(server: Server) -> None:
    lose(server, no_files)
    assert settle(server, "wrong") == 403
    assert server.ask("POST", "/v1/settle", token=server.secrets.operator_token).status_code == 403
    assert server.get("/v1/nodes").json()["doubt"] is not None


@pytest.mark.parametrize(
    "spoilt", [{"phase": "gone"}, {"phases": None}, {"since": "yesterday"}, {"token": {"sha256": "a"}}]
)
def test_one_machine_whose_row_nobody_can_read_is_in_doubt_and_all_others_are_as_before(
    server: Server, spoilt: dict[str, object]
) -> None:
    runs(server)
    server.rewrite(NODE1, lambda state: state.update(armed=True, **spoilt))
    state = server.get("/v1/nodes").json()
    assert [node["armed"] for node in state["nodes"]] == [False, True]
    assert state["nodes"][0]["reason"] == "not armed: the state was lost"
    assert not is_installed_by(server, NODE1)
    assert "machine-state-lost" in server.log.read_text()


@pytest.fixture
def opened(tmp_path: Path) -> Iterator[Server]:
    """A server that lets machines in."""
    made = Server(tmp_path, "ignition", _OPEN)
    made.lease(NODE1, NODE2, STRANGER)
    made.start()
    yield made
    made.stop()


def test_a_machine_that_had_been_let_in_is_let_in_again_and_not_installed(opened: Server) -> None:
    opened.install(STRANGER)
    lose(opened, no_files)
    assert not is_installed_by(opened, STRANGER)
    node = opened.node(STRANGER)
    assert (node["joined"], node["armed"]) == (True, False)
    told = [event for event in opened.events() if event["kind"] == "joined"]
    assert [event["detail"] for event in told] == ["not armed: the state was lost"]
    assert settle(opened) == 200
    assert not is_installed_by(opened, STRANGER)
    assert opened.arm(STRANGER).status_code == 200
    opened.install(STRANGER)


def test_after_the_doubt_machines_are_let_in_and_installed_as_before(opened: Server) -> None:
    lose(opened, no_files)
    assert settle(opened) == 200
    assert is_installed_by(opened, STRANGER)


def test_a_state_that_cannot_be_opened_is_left_alone_and_ends_the_server_with_one_line(server: Server) -> None:
    server.stop(kill=True)
    no_files(server.folder.state)
    (server.folder.state / "kboot.db").mkdir()
    command = [sys.executable, "-m", "kboot_cloudconfig"]
    ended = subprocess.run(command, env=server.environment(), capture_output=True, text=True, timeout=60)
    assert (ended.returncode, ended.stderr) == (1, "")
    read, said = (json.loads(line) for line in ended.stdout.splitlines())  # one line of what is wrong
    assert (read["event"], said["event"]) == ("description-read", "state-unusable")
    assert said["problem"] == f"{server.folder.state}/kboot.db: unable to open database file"
    assert [path.name for path in server.folder.state.iterdir()] == ["kboot.db"]
    (server.folder.state / "kboot.db").rmdir()
    server.start()

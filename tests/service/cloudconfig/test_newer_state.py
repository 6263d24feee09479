"""A state of another kboot: an older one is taken over, a newer one is left as it is, and everybody is told so."""

from __future__ import annotations

import json
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import httpx

from kboot.host.waiting import looks
from kboot_clusterdesc.shared_files import DATABASE, DATABASE_VERSION

from .conftest import NODE1, Server

_NEWER = DATABASE_VERSION + 1
_SAID = f"kboot.db is of a newer kboot: its version is {_NEWER}, and this kboot knows {DATABASE_VERSION}"


def make_newer(database: Path) -> None:
    """As a kboot leaves it that keeps machines in another way."""
    with closing(sqlite3.connect(database)) as db:
        db.execute("ALTER TABLE machines RENAME TO machines_of_later")
        db.execute(f"PRAGMA user_version = {_NEWER}")
        db.commit()


def test_a_newer_state_is_answered_with_503_and_its_reason_and_stays_as_it_was(server: Server) -> None:
    server.install(NODE1)
    server.stop()
    database = server.folder.state / DATABASE
    make_newer(database)
    before = database.read_bytes()
    command = [sys.executable, "-m", "kboot_cloudconfig"]
    with subprocess.Popen(command, env=server.environment(), stdout=subprocess.PIPE, text=True) as started:
        try:
            assert started.stdout
            read, said = (json.loads(started.stdout.readline()) for _ in range(2))
            assert (read["event"], said["event"], said["problem"]) == ("description-read", "state-newer", _SAID)
            assert "`kboot up` with that kboot" in said["hint"]
            for path in ("/readyz", "/v1/nodes", f"/boot/{NODE1.dashed}.ipxe", "/install.sh"):
                answer = asked(server, path)
                assert answer.status_code == 503
                assert answer.headers["content-type"] == "application/problem+json"
                assert answer.json()["detail"].startswith(_SAID)
            assert server.arm(NODE1).status_code == 503
            check = [sys.executable, "-m", "kboot_cloudconfig.health_check"]
            checked = subprocess.run(check, env=server.environment(), capture_output=True, text=True)
            assert checked.returncode == 1
            assert _SAID in checked.stderr
        finally:
            started.terminate()
        assert started.wait(10) == 0
    assert database.read_bytes() == before
    assert [path.name for path in server.folder.state.iterdir()] == [DATABASE]


def asked(server: Server, path: str) -> httpx.Response:
    """The answer, once the server gives one."""
    for _ in looks(30, 0.1):
        try:
            return server.get(path)
        except httpx.TransportError:
            continue
    raise AssertionError(f"no answer at {path}")

"""The SSH host keys that a machine tells the server: its own word alone, and for as long as it runs."""

from __future__ import annotations

import sqlite3
from base64 import b64encode
from contextlib import closing

import pytest

from kboot_clusterdesc.phase import INSTALLED_SINCE

from .conftest import NODE1, NODE2, Server

HOST_KEYS = [
    "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIEXAMPLEEXAMPLEEXAMPLEEXAMPLEEXAMPLEEXAMPLEE",
    "ecdsa-sha2-nistp256 "
    + b64encode(b"\0\0\0\x13ecdsa-sha2-nistp256\0\0\0\x08nistp256\0\0\0\x41" + b"\4" * 65).decode(),
]

OTHER_KEYS = [HOST_KEYS[0].replace("EXAMPLE", "ANOTHER")]


def test_a_running_machine_tells_its_ssh_host_keys_and_they_hold_until_it_is_installed_afresh(server: Server) -> None:
    token = server.secrets.report_tokens[NODE1]
    assert server.node(NODE1)["ssh_host_keys"] == []
    install = server.install_token(NODE1)
    server.report(NODE1, "installing", install, ssh_host_keys=HOST_KEYS[:1])
    server.report(NODE1, "installed", install, ssh_host_keys=HOST_KEYS[:1])
    assert server.node(NODE1)["ssh_host_keys"] == []
    assert server.report(NODE1, "running", token, ssh_host_keys=HOST_KEYS).status_code == 204
    server.report(NODE1, "running", token)  # by the script of an older kboot
    server.report(NODE1, "running", token, ssh_host_keys=[])
    server.stop(kill=True)
    server.start()
    told = next(node for node in server.get("/v1/nodes").json()["nodes"] if node["name"] == "node1")
    assert told["ssh_host_keys"] == server.node(NODE1)["ssh_host_keys"] == HOST_KEYS
    server.arm(NODE1)  # it may be disarmed still, and runs what it ran
    assert server.node(NODE1)["ssh_host_keys"] == HOST_KEYS
    server.install(NODE1)
    assert server.node(NODE1)["ssh_host_keys"] == []
    server.report(NODE1, "running", token, ssh_host_keys=HOST_KEYS[1:])
    assert server.node(NODE1)["ssh_host_keys"] == HOST_KEYS[1:]


def test_nobody_else_tells_the_ssh_host_keys_of_a_machine(server: Server) -> None:
    own = server.secrets.report_tokens[NODE1]
    server.report(NODE1, "running", own, ssh_host_keys=HOST_KEYS[:1])
    for token in ("", "wrong", server.secrets.report_tokens[NODE2], server.install_token(NODE1)):
        assert server.report(NODE1, "running", token, ssh_host_keys=HOST_KEYS[1:]).status_code == 403
    assert server.report(NODE1, "failed", own, detail="why", ssh_host_keys=HOST_KEYS[1:]).status_code == 204
    assert server.node(NODE1)["ssh_host_keys"] == HOST_KEYS[:1]


@pytest.mark.parametrize(
    "keys",
    [
        "ssh-ed25519 AAAA",
        [1],
        [""],
        ["ssh-ed25519"],
        [f"{HOST_KEYS[0]} root@node1"],
        [f"{HOST_KEYS[0]}\n* {HOST_KEYS[1]}"],
        [f"{HOST_KEYS[0]}\n"],
        [f" {HOST_KEYS[0]}"],
        [HOST_KEYS[0].replace(" ", "\u00a0")],
        [HOST_KEYS[0].replace(" ", "  ")],
        [HOST_KEYS[0].replace("ssh-ed25519", "ssh-rsa")],
        [HOST_KEYS[0].replace("ssh-ed25519", "ssh-dss")],
        [HOST_KEYS[0].replace("ssh-ed25519", "@cert-authority")],
        [HOST_KEYS[0][:-1]],
        ["ssh-ed25519 !!!!"],
        ["ssh-rsa " + b64encode(b"\0\0\0\7ssh-rsa" + bytes(9000)).decode()],
        HOST_KEYS[:1] * 9,
    ],
)
def test_a_report_with_a_host_key_that_is_none_is_400_and_moves_nothing(standing: Server, keys: object) -> None:
    token = standing.secrets.report_tokens[NODE1]
    assert standing.report(NODE1, "running", token, ssh_host_keys=keys).status_code == 400
    node = standing.node(NODE1)
    assert (node["phase"], node["ssh_host_keys"]) == ("leased", [])


def test_a_machine_that_an_older_kboot_knew_has_told_no_host_keys(server: Server) -> None:
    server.report(NODE1, "running", server.secrets.report_tokens[NODE1], ssh_host_keys=HOST_KEYS)
    server.stop()
    with closing(sqlite3.connect(server.folder.state / "kboot.db")) as database:
        database.execute("UPDATE machines SET state = json_remove(state, '$.ssh_host_keys')")
        database.commit()
    server.start()
    node = server.node(NODE1)
    assert (node["phase"], node["ssh_host_keys"]) == ("running", [])


def test_a_machine_that_was_installed_after_an_old_copy_of_the_state_is_not_armed_by_that(server: Server) -> None:
    token = server.secrets.report_tokens[NODE1]
    server.install(NODE1)
    server.report(NODE1, "running", token, ssh_host_keys=HOST_KEYS[:1])
    server.arm(NODE1)
    server.report(NODE1, "running", token, ssh_host_keys=HOST_KEYS)
    assert server.node(NODE1)["armed"] is True
    server.report(NODE1, "running", token, ssh_host_keys=OTHER_KEYS)
    node = server.node(NODE1)
    assert (node["armed"], node["reason"]) == (False, INSTALLED_SINCE)
    told = [event.get("detail") for event in server.events() if event["kind"] == "disarmed"]
    assert told == [INSTALLED_SINCE]
    assert "kernel http" not in server.get(f"/boot/{NODE1}.ipxe", who=NODE1).text

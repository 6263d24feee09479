"""What a machine says of its last boot, such as that its clock was far off."""

from __future__ import annotations

import sqlite3
from contextlib import closing

from .conftest import NODE1, Server

_CLOCK = "the clock stood at 2015-01-01T00:00:09Z and was set from the bootstrapper"


def test_a_clock_that_was_set_is_a_remark_until_the_next_boot_and_one_event(server: Server) -> None:
    token = server.secrets.report_tokens[NODE1]
    assert server.node(NODE1)["remark"] is None
    server.report(NODE1, "running", token, detail=_CLOCK)
    server.report(NODE1, "running", token, detail=_CLOCK)  # as after `kboot node apply`
    server.stop(kill=True)
    server.start()
    node = server.node(NODE1)
    assert (node["phase"], node["reason"], node["remark"]) == ("running", None, _CLOCK)
    assert _CLOCK in server.get("/").text
    assert [event["kind"] for event in server.events() if event.get("detail") == _CLOCK].count("step") == 1
    server.report(NODE1, "running", token)
    assert server.node(NODE1)["remark"] is None


def test_a_machine_that_is_installed_afresh_or_that_an_older_kboot_knew_has_none(server: Server) -> None:
    token = server.secrets.report_tokens[NODE1]
    server.report(NODE1, "running", token, detail=_CLOCK)
    server.arm(NODE1)
    server.install(NODE1)
    assert server.node(NODE1)["remark"] is None
    server.report(NODE1, "running", token, detail=_CLOCK)
    server.stop()
    with closing(sqlite3.connect(server.folder.state / "kboot.db")) as database:
        database.execute("UPDATE machines SET state = json_remove(state, '$.remark')")
        database.commit()
    server.start()
    node = server.node(NODE1)
    assert (node["phase"], node["remark"]) == ("running", None)

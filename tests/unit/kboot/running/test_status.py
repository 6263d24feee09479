"""What a status says of a state that was lost, and beside a machine."""

from __future__ import annotations

from kboot.cli.status_text import node_row, status_lines
from kboot.running.status import Status

DOUBT = {"since": "2026-11-28T09:00:00Z", "reason": "kboot.db was empty", "kept": None}


def test_a_lost_state_is_one_line_with_the_way_out() -> None:
    assert status_lines(Status("ail", [], [], [], {}, doubt=DOUBT))[-1] == (
        "state: lost at 2026-11-28T09:00:00Z (kboot.db was empty): no machine is armed by itself; "
        "`kboot node reinstall NAME` arms one, `kboot node settle` ends this"
    )


def test_a_status_has_the_doubt_as_json_and_null_without_one() -> None:
    assert Status("ail", [], [], [], {}, doubt=DOUBT).as_json()["doubt"] == DOUBT
    assert Status("ail", [], [], [], {}).as_json()["doubt"] is None


def test_what_a_machine_says_of_its_boot_stands_beside_it_after_what_is_wrong() -> None:
    clock = "the clock stood at 2015-01-01T00:00:09Z and was set from the bootstrapper"
    node = {"name": "node1", "phase": "running", "armed": True}
    assert status_lines(Status("ail", [], [{**node, "remark": clock}], [], {}))[-1].endswith(clock)
    assert status_lines(Status("ail", [], [{**node, "remark": clock, "reason": "why"}], [], {}))[-1].endswith("why")
    assert status_lines(Status("ail", [], [node], [], {}))[-1].endswith("armed")


def test_the_share_of_the_image_stands_beside_a_machine_while_it_is_written() -> None:
    node = {"name": "node1", "phase": "configured", "armed": True, "bytes": 430_000_000}
    assert node_row({**node, "percent": 43})[-1] == "writing 43 %"
    assert node_row({**node, "percent": 0})[-1] == "writing 0 %"
    assert node_row(node)[-1] == "430 MB written"
    assert node_row({**node, "phase": "installed"})[-1] == "armed"


def test_a_machine_that_is_overdue_says_so_beside_its_reason() -> None:
    node = {"name": "node1", "phase": "booting", "armed": True, "overdue": "booting for more than 20 minutes: look"}
    assert node_row(node)[-1] == "booting for more than 20 minutes: look"
    assert node_row({**node, "reason": "why"})[-1] == "why; booting for more than 20 minutes: look"
    assert node_row({**node, "overdue": None})[-1] == "armed"


def test_whether_the_services_come_up_after_a_reboot_is_told() -> None:
    assert "autostart off" in status_lines(Status("ail", [], [], [], {}))
    on = Status("ail", [], [], [], {}, autostart=True)
    assert "autostart on" in status_lines(on)
    assert on.as_json()["autostart"] is True

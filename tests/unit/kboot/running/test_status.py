"""What a status says of a state that was lost, and beside a machine."""

from __future__ import annotations

from kboot.cli.status_text import remark_of, status_lines
from kboot.cli.tables import plain
from kboot.running.status import Status
from support.statuses import NOW, machine

DOUBT = {"since": "2026-11-28T09:00:00Z", "reason": "kboot.db was empty", "kept": None}


def said(status: Status) -> list[str]:
    """The lines that `kboot status` prints on a pipe."""
    return [plain(line) for line in status_lines(status, NOW)]


def test_a_lost_state_leads_with_the_way_out() -> None:
    assert said(Status("ail", [], [], [], {}, doubt=DOUBT))[:3] == [
        "cluster ail: 1 state lost",
        "  state (3h) lost (kboot.db was empty): no machine is armed by itself, `kboot node reinstall NAME` arms one",
        "    next: kboot node settle",
    ]


def test_a_status_has_the_doubt_as_json_and_null_without_one() -> None:
    assert Status("ail", [], [], [], {}, doubt=DOUBT).as_json()["doubt"] == DOUBT
    assert Status("ail", [], [], [], {}).as_json()["doubt"] is None


def test_what_a_machine_says_of_its_boot_stands_beside_it_after_what_is_wrong() -> None:
    clock = "the clock stood at 2015-01-01T00:00:09Z and was set from the bootstrapper"
    node = machine(1, "running", armed=True)
    assert remark_of({**node, "remark": clock}) == clock
    assert remark_of({**node, "remark": clock, "reason": "why"}) == "why"
    assert remark_of(node) == "armed"
    assert said(Status("ail", [], [{**node, "remark": clock}], [], {}))[4].endswith(clock)


def test_the_share_of_the_image_stands_beside_a_machine_while_it_is_written() -> None:
    node = machine(1, "configured", armed=True, bytes=430_000_000)
    assert remark_of({**node, "percent": 43}) == "writing 43 %"
    assert remark_of({**node, "percent": 0}) == "writing 0 %"
    assert remark_of(node) == "430 MB written"
    assert remark_of({**node, "phase": "installed"}) == "armed"


def test_a_machine_that_is_overdue_says_so_beside_its_reason() -> None:
    node = machine(1, "booting", armed=True, overdue="booting for more than 20 minutes: look")
    assert remark_of(node) == "booting for more than 20 minutes: look"
    assert remark_of({**node, "reason": "why"}) == "why; booting for more than 20 minutes: look"
    assert remark_of({**node, "overdue": None}) == "armed"


def test_whether_the_services_come_up_after_a_reboot_is_told() -> None:
    assert "autostart: off" in said(Status("ail", [], [], [], {}))
    on = Status("ail", [], [], [], {}, autostart=True)
    assert "autostart: on" in said(on)
    assert on.as_json()["autostart"] is True


def test_the_release_is_shown_with_the_looks_for_it_and_what_stands_in_its_way() -> None:
    os = {"channel": "stable", "current": "4230.2.3", "checked": "2026-11-28T09:00:00Z", "error": None}
    told = {"next_check": "2026-11-29T03:00:00Z", "error": "no answer", "payload_error": "no payload"}
    lines = said(Status("ail", [], [], [], {**os, **told}))
    assert "OS: stable 4230.2.3, looked for 3h ago, next look in 15h" in lines
    assert lines[:4] == [
        "cluster ail: 1 OS release, 1 OS update",
        "  OS release no answer",
        "    next: kboot os sync",
        "  OS update no payload",
    ]
    assert "OS: stable 4230.2.3, looked for 3h ago" in said(Status("ail", [], [], [], os))
    late = {**os, "next_check": "2026-11-28T09:00:00Z"}
    assert "OS: stable 4230.2.3, looked for 3h ago, next look due" in said(Status("ail", [], [], [], late))
    assert "OS: stable none in force" in said(Status("ail", [], [], [], {"channel": "stable"}))

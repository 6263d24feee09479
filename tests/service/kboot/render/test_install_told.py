"""What install.sh tells of its machine and of an install that failed: cards, and the end of its log."""

from __future__ import annotations

import json
from typing import Any

from kboot_cloudconfig.events import Report
from service.kboot.render.sandbox import TOKEN, Sandbox, reason


def told(machine: Sandbox, field: str) -> list[Any]:
    """What the reports of a machine say in a field, each of which the server takes."""
    reports = [report for report in machine.lines("reports") if field in json.loads(report)]
    for report in reports:
        Report.model_validate_json(report)
    return [json.loads(report)[field] for report in reports]


def test_it_tells_its_cards_beside_its_disks(machine: Sandbox) -> None:
    machine.disk("sda")
    machine.device("eno1", "ixgbe", address="0c:c4:7a:82:c5:b8", carrier="1", speed="10000")
    machine.device("eno2", "ixgbe", address="0c:c4:7a:82:c5:b9", carrier="0", speed="-1")
    off = machine.device("enp3s0", "r8169", address="0c:c4:7a:82:c5:ba")
    (off / "carrier").mkdir()  # cannot be read, as of a card that is switched off
    machine.device("old", "tg3", address="0c:c4:7a:82:c5:bb", carrier="1", speed="4294967295")
    machine.device("ib0", "mlx5_core", address=":".join(["80"] * 20), carrier="1", speed="100000")
    (machine.device("eno1v0", "ixgbevf", address="02:c4:7a:82:c5:b8") / "device" / "physfn").mkdir()
    (machine.folder / "net" / "br0").mkdir()
    (machine.folder / "net" / "bonding_masters").touch()
    assert machine.run().returncode == 0
    (cards,) = told(machine, "cards")
    assert cards == [
        {"name": "eno1", "mac": "0c:c4:7a:82:c5:b8", "link": "up", "speed_mbit": 10000, "driver": "ixgbe"},
        {"name": "eno2", "mac": "0c:c4:7a:82:c5:b9", "link": "down", "driver": "ixgbe"},
        {"name": "enp3s0", "mac": "0c:c4:7a:82:c5:ba", "link": "unknown", "driver": "r8169"},
        {"name": "ib0", "mac": ":".join(["80"] * 20), "link": "up", "speed_mbit": 100000, "driver": "mlx5_core"},
        {"name": "old", "mac": "0c:c4:7a:82:c5:bb", "link": "up", "driver": "tg3"},
    ]
    assert len(told(machine, "disks")) == 1, "in one report"


def test_a_bootstrapper_that_knows_no_cards_is_told_the_disks_all_the_same(machine: Sandbox) -> None:
    machine.disk("sda")
    (machine.folder / "refuse").write_text('"cards"')
    assert machine.run().returncode == 0
    assert told(machine, "cards") == []
    assert len(told(machine, "disks")) == 1


def test_an_install_that_failed_tells_the_end_of_its_log(machine: Sandbox) -> None:
    machine.disk("sda")
    (machine.folder / "failures").write_text("5")
    (machine.folder / "says").write_text(
        'Downloading...\r50%\rdone\n\x1b[31mError\x1b[0m: "sda"\tis \\broken\\ \xe9\n\n\n'
    )
    assert machine.run().returncode == 1
    (log,) = told(machine, "log")
    assert log[0] == "kboot: installing stable 3975.2.0 on 00:25:90:c0:f7:80"
    tried = [
        "Downloading...",
        "50%",
        "done",
        'Error: "sda" is \\broken\\ ??',
        "kboot: flatcar-install failed, trying again in 10 seconds",
    ]
    assert [line for line in log if not line.startswith("kboot: the disk is")][1:11] == tried * 2
    assert "kboot: failed: flatcar-install could not write stable 3975.2.0 to " in "\n".join(log[-3:])


def test_the_log_is_cut_to_its_end_and_says_once_what_came_again_and_again(machine: Sandbox) -> None:
    machine.disk("sda")
    (machine.folder / "failures").write_text("5")
    (machine.folder / "says").write_text("again\n" * 500 + "".join(f"{number} {'x' * 900}\n" for number in range(60)))
    assert machine.run().returncode == 1
    (log,) = told(machine, "log")
    assert len(log) <= 40
    assert sum(map(len, log)) <= 8000
    assert "again" not in log
    assert log[-2].startswith("59 xxx")
    assert max(map(len, log)) == 400
    (machine.folder / "reports").unlink()
    (machine.folder / "failures").write_text("5")
    (machine.folder / "says").write_text("again\n" * 500)
    assert machine.run().returncode == 1
    (log,) = told(machine, "log")
    assert log.count("again") == 5, "once for each try"


def test_no_log_has_the_token(machine: Sandbox) -> None:
    machine.disk("sda")
    (machine.folder / "failures").write_text("5")
    (machine.folder / "says").write_text(f"{'x' * 380} {TOKEN}\ncurl -H 'Bearer {TOKEN}'\n")
    assert machine.run().returncode == 1
    reports = "\n".join(machine.lines("reports"))
    assert "Bearer <secret>" in reports
    assert TOKEN not in reports
    assert TOKEN[:15] not in reports


def test_what_curl_says_while_a_node_config_is_fetched_is_told(machine: Sandbox) -> None:
    machine.disk("sda")
    (machine.folder / "config").write_text("none")
    (machine.folder / "interrupt").write_text("curl: (60) SSL certificate problem\n")
    done = machine.run()
    assert done.returncode == 1
    assert done.stderr == "curl: (60) SSL certificate problem\n", "whoever stands at the machine sees it too"
    (log,) = told(machine, "log")
    assert log[-2:] == [
        "curl: (60) SSL certificate problem",
        "kboot: failed: what was fetched is not an Ignition config",
    ]


def test_a_bootstrapper_that_takes_no_log_is_told_the_reason_all_the_same(machine: Sandbox) -> None:
    (machine.folder / "refuse").write_text('"log"')
    assert machine.run().returncode == 1
    assert reason(machine) == "no disk was found on this machine"
    assert told(machine, "log") == []


def test_a_run_tells_nothing_of_the_one_before(machine: Sandbox) -> None:
    assert machine.run().returncode == 1
    assert machine.run().returncode == 1
    first, second = told(machine, "log")
    assert first == second

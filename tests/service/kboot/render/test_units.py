"""The word of an installed machine on its units that have failed: the real script, and what it sends."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from kboot_cloudconfig.events import Report
from service.kboot.render.test_scripts import description, node_file, run
from support.namespace import etc_folder

_FAKES = Path(__file__).parent / "fakes"
_TOKEN = "a-token-of-this-machine"
_SYSTEMCTL = """#!/bin/bash
[ ! -e "$SANDBOX/broken" ] || exit 1
case $* in
  'list-units --state=failed --plain --no-legend --no-pager --full') cat "$SANDBOX/failed" ;;
  'show --property=Id --property=InvocationID -- '*)
    shift 4
    for unit in "$@"; do
      printf 'Id=%s\\nInvocationID=%s\\n\\n' "$unit" "$(cat "$SANDBOX/run-of-$unit" 2>/dev/null)"
    done
    ;;
  *) exit 2 ;;
esac
"""
_JOURNALCTL = """#!/bin/bash
[[ "$*" == '--unit='*' --boot --lines=10 --output=cat --no-pager --quiet' ]] || exit 2
unit=${1#--unit=}
tail -n 10 "$SANDBOX/journal-$unit" 2>/dev/null
"""


class Machine:
    """The files that the script reads, units that have failed, and a curl that keeps what it is given."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        etc = etc_folder(folder / "etc")
        (etc / "kboot").mkdir()
        (etc / "kboot" / "report-token").write_text(f"{_TOKEN}\n")
        (etc / "kboot" / "node.env").write_bytes(node_file(description("flatcar"), "/etc/kboot/node.env"))
        (folder / "kboot-units").write_bytes(node_file(description("flatcar"), "/opt/bin/kboot-units"))
        (folder / "bin").mkdir()
        (folder / "run").mkdir()
        (folder / "bin" / "curl").symlink_to(_FAKES / "curl")
        for name, script in (("systemctl", _SYSTEMCTL), ("journalctl", _JOURNALCTL)):
            (folder / "bin" / name).write_text(script)
            (folder / "bin" / name).chmod(0o755)
        self.answers("204")
        self.has_failed()

    def answers(self, status: str) -> None:
        """Let the bootstrapper answer with that status, 000 for none."""
        (self.folder / "status").write_text(status)

    def has_failed(self, *units: str) -> None:
        """Let these units have failed, and no other."""
        lines = [f"{unit} loaded failed failed Whatever it is\n" for unit in units]
        (self.folder / "failed").write_text("".join(lines))

    def ran(self, unit: str, number: str, journal: bytes) -> None:
        """Let a unit have run, with what the journal has of it."""
        (self.folder / f"run-of-{unit}").write_text(number)
        (self.folder / f"journal-{unit}").write_bytes(journal)

    def look(self) -> list[dict[str, Any]]:
        """What the script tells at one look, which the server takes; it never fails, and says nothing."""
        mounts = 'mount --bind "$1/etc" /etc && mount --bind "$1/run" /run'
        inner = f'{mounts} && exec env PATH="$1/bin:$PATH" SANDBOX="$1" bash "$1/kboot-units"'
        command = ["unshare", "--mount", "sh", "-c", inner, "sh", str(self.folder)]
        done = subprocess.run(command, capture_output=True, text=True, timeout=60)
        assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
        reports = self.folder / "reports"
        lines = reports.read_text().splitlines() if reports.exists() else []
        reports.unlink(missing_ok=True)
        for line in lines:
            Report.model_validate_json(line)
        return [json.loads(line) for line in lines]


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return Machine(tmp_path)


def told(*units: tuple[str, list[str]]) -> list[dict[str, Any]]:
    """One report of these units."""
    return [{"phase": "running", "failed_units": [{"name": name, "lines": lines} for name, lines in units]}]


def test_the_script_and_its_units_are_sound() -> None:
    script = node_file(description("flatcar"), "/opt/bin/kboot-units")
    run("bash", "-n", text=script)
    run("shellcheck", "--shell=bash", "-", text=script)


def test_a_machine_that_is_well_tells_nothing(machine: Machine) -> None:
    assert machine.look() == []


def test_what_has_failed_is_told_once_and_once_that_all_is_well_again(machine: Machine) -> None:
    machine.has_failed("etcd.service", "dev-disk-by\\x2dlabel-OEM.device", "-.mount")
    machine.ran("etcd.service", "1", b'first\n{"level":"fatal"}\tdisk \xff full\n\x1b[31mred\x1b[0m\n')
    units: tuple[tuple[str, list[str]], ...] = (
        ("-.mount", []),
        ("dev-disk-by\\x2dlabel-OEM.device", []),
        ("etcd.service", ["first", '{"level":"fatal"} disk ? full', "red"]),
    )
    assert machine.look() == told(*units)
    assert machine.look() == []
    machine.has_failed("etcd.service")
    assert machine.look() == told(units[-1])
    machine.has_failed()
    assert machine.look() == told()
    assert machine.look() == []


def test_a_unit_that_failed_anew_is_told_anew(machine: Machine) -> None:
    machine.has_failed("etcd.service")
    machine.ran("etcd.service", "1", b"no disk\n")
    assert machine.look() == told(("etcd.service", ["no disk"]))
    machine.ran("etcd.service", "2", b"no network\n")
    assert machine.look() == told(("etcd.service", ["no network"]))


@pytest.mark.parametrize(("status", "again"), [("000", 1), ("503", 1), ("400", 0), ("403", 0), ("204", 0)])
def test_what_was_not_heard_is_told_again_and_what_was_refused_is_not(
    machine: Machine, status: str, again: int
) -> None:
    machine.has_failed("etcd.service")
    machine.answers(status)
    assert len(machine.look()) == 1
    assert len(machine.look()) == again


def test_a_report_of_a_boot_has_it_told_again(machine: Machine) -> None:
    machine.has_failed("etcd.service")
    assert len(machine.look()) == 1
    report = node_file(description("flatcar"), "/opt/bin/kboot-report").decode()
    assert report.splitlines()[-1].startswith("rm -f /run/kboot-units-told ")
    (machine.folder / "run" / "kboot-units-told").unlink()
    assert len(machine.look()) == 1


def test_a_boot_that_is_told_while_units_are_has_the_next_run_tell_again(machine: Machine) -> None:
    machine.has_failed("etcd.service")
    (machine.folder / "bin" / "journalctl").write_text("#!/bin/sh\nrm -f /run/kboot-units-told\n")
    assert machine.look() == told(("etcd.service", []))
    machine.has_failed()
    assert machine.look() == told()
    assert machine.look() == []


def test_where_systemd_does_not_answer_nothing_is_told(machine: Machine) -> None:
    machine.has_failed("etcd.service")
    assert len(machine.look()) == 1
    (machine.folder / "broken").touch()
    assert machine.look() == []


def test_it_is_bounded_and_holds_no_token(machine: Machine) -> None:
    names = [f"unit{number}.service" for number in range(20)]
    machine.has_failed(*names)
    for name in names:
        machine.ran(name, "1", b"".join(b"%d %s %s\n" % (at, b'"\\' * 190, _TOKEN.encode()) for at in range(50)))
    (report,) = machine.look()
    assert len(report["failed_units"]) == 8
    for unit in report["failed_units"]:
        assert len(unit["lines"]) <= 10
        assert sum(map(len, unit["lines"])) <= 2000
    assert _TOKEN not in json.dumps(report)
    assert _TOKEN[:12] not in json.dumps(report)


def test_the_bullet_of_an_older_systemd_is_no_part_of_a_name(machine: Machine) -> None:
    (machine.folder / "failed").write_text(
        "● etcd.service loaded failed failed etcd\n* a@b.service loaded failed failed x\n"
    )
    assert [unit["name"] for unit in machine.look()[0]["failed_units"]] == ["a@b.service", "etcd.service"]

"""A machine that runs and what of its OS updates it or reboots it: masked, stopped, and free again."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from service.kboot.upgrade.test_apply import _REPORT, Machine, described, sent


def without_updates(text: str) -> str:
    """The description with updates off."""
    return text.replace("os:\n", "os:\n  update: {enabled: false}\n")


def test_what_updates_the_os_by_itself_is_masked_once_and_stopped_where_it_runs(tmp_path: Path) -> None:
    machine = Machine(tmp_path)
    off = described(without_updates)
    said = machine.install(off)
    for unit in ("update-engine.service", "locksmithd.service"):
        assert said.index(f"mask {unit}") < said.index(f"stop {unit}")
    assert machine.give(off) == [_REPORT]


def test_where_updates_are_wanted_again_the_agent_starts_what_asks_for_them(tmp_path: Path) -> None:
    machine = Machine(tmp_path)
    machine.install(described(without_updates))
    said = machine.give(described())
    assert not (machine.root / "etc/systemd/system/update-engine.service").is_symlink()
    (restart,) = (line for line in said if line.startswith("restart ") and " kboot-update.service" in line)
    assert said.index("daemon-reload") < said.index(restart)


def test_a_unit_of_the_operators_in_the_way_of_a_mask_changes_nothing(tmp_path: Path) -> None:
    machine = Machine(tmp_path)
    machine.write("/etc/systemd/system/locksmithd.service", b"[Service]\n")
    before = machine.files()
    done = machine.run(sent(described()))
    assert done.returncode == 1
    assert "locksmithd.service is in the way of masking it" in done.stderr.decode()
    assert machine.files() == before


def test_a_unit_that_is_masked_no_more_is_free_again(tmp_path: Path) -> None:
    machine = Machine(tmp_path)
    machine.install(described())
    link = machine.root / "etc/systemd/system/locksmithd.service"
    assert link.is_symlink()
    config = described()
    free = replace(config, units=tuple(unit for unit in config.units if unit.name != "locksmithd.service"))
    machine.give(free)
    assert not link.is_symlink()

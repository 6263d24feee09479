"""What an operator has masked on a machine, while a config is brought to it."""

from __future__ import annotations

from pathlib import Path

from service.kboot.upgrade.test_apply import Machine, described


def test_a_reader_that_the_operator_has_masked_is_not_started_anew(tmp_path: Path) -> None:
    machine = Machine(tmp_path)
    (machine.edge / "masked").write_text("systemd-timesyncd.service\n")  # ntpd may run in its place
    assert not [line for line in machine.install(described()) if "timesyncd" in line]
    assert (machine.root / "etc/systemd/timesyncd.conf.d/10-kboot.conf").exists()

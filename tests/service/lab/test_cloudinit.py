"""The lab OS's coreos-cloudinit, where metal counts, as the real one was seen to be (8df59e8)."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from support.places import ROOT

PROGRAM = ROOT / "lab" / "kboot_lab" / "os" / "root" / "usr" / "bin" / "coreos-cloudinit"
CONFIG = """#cloud-config
coreos:
  units:
    - {name: kboot-test-fails.service, command: start}
    - {name: kboot-test-masked.service, mask: true}
    - {name: 10-kboot-test.network, enable: true, command: start, content: "[Match]\\nName=none0\\n"}
    - {name: kboot-test-last.service, enable: true, command: restart}
"""
SYSTEMCTL = """#!/bin/sh
echo "$*" >>"$LOG"
case "$*" in
  "start kboot-test-fails.service") echo "Job for kboot-test-fails.service failed." >&2 && exit 1 ;;
  "start kboot-test-none.service") echo "Failed to start: Unit kboot-test-none.service not found." >&2 && exit 5 ;;
esac
"""


def apply(folder: Path, text: str) -> tuple[int, list[str]]:
    """The exit code, and what systemctl(1) was called with; what is written below /etc/systemd stays in `folder`."""
    (folder / "config").write_text(text)
    (folder / "systemctl").write_text(SYSTEMCTL)
    (folder / "systemctl").chmod(0o755)
    for name in ("system", "network"):
        (folder / "etc" / name).mkdir(parents=True)
    (folder / "etc/system/kboot-test-masked.service").write_text("[Service]\n")
    command = 'mount --bind "$1/etc" /etc/systemd && exec "$2" "$3" --from-file="$1/config"'
    environment = {**os.environ, "PATH": f"{folder}:{os.environ['PATH']}", "LOG": str(folder / "log")}
    arguments = ["unshare", "--mount", "sh", "-c", command, "sh", str(folder), sys.executable, str(PROGRAM)]
    done = subprocess.run(arguments, env=environment, capture_output=True, text=True, timeout=60)
    assert "Traceback" not in done.stderr, done.stderr
    return done.returncode, (folder / "log").read_text().splitlines()


def test_a_unit_that_fails_to_start_holds_up_nothing_and_networkd_is_started_anew_for_its_files(tmp_path: Path) -> None:
    code, calls = apply(tmp_path, CONFIG)
    assert code == 0
    assert calls == [
        "--no-reload enable kboot-test-last.service", "daemon-reload", "restart systemd-networkd.service",
        "start kboot-test-fails.service", "restart kboot-test-last.service",
    ]  # fmt: skip
    assert (tmp_path / "etc/system/kboot-test-masked.service").readlink() == Path("/dev/null")


def test_a_unit_that_is_not_there_ends_it(tmp_path: Path) -> None:
    code, calls = apply(tmp_path, CONFIG.replace("-fails", "-none"))
    assert code == 1
    assert calls[-1] == "start kboot-test-none.service"


@pytest.mark.parametrize(("text", "code", "valid"), [("nothing known\n", 0, 1), ("", 0, 0), ("#!/bin/sh\n", None, 0)])
def test_what_is_no_cloud_config_is_left_alone_and_told_by_validate(
    tmp_path: Path, text: str, code: int | None, valid: int
) -> None:
    file = tmp_path / "config"
    file.write_text(text)
    command = [sys.executable, str(PROGRAM), f"--from-file={file}"]
    assert subprocess.run([*command, "-validate"], capture_output=True).returncode == valid
    if code is not None:  # a script would be run
        assert subprocess.run(command, capture_output=True).returncode == code

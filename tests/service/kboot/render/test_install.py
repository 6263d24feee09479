"""install.sh run for real against a machine that only keeps what is asked of it."""

from __future__ import annotations

import fcntl
import json
import stat
from pathlib import Path

import pytest

from service.kboot.render.sandbox import TOKEN, Sandbox, reason

KEY = b"-----BEGIN PGP PUBLIC KEY BLOCK-----\n\nYSBrZXk=\n-----END PGP PUBLIC KEY BLOCK-----\n"


def phases(machine: Sandbox) -> list[str]:
    """The phases as they were reported, each as often as it came anew."""
    reported = [json.loads(report)["phase"] for report in machine.lines("reports")]
    return [phase for before, phase in zip(["", *reported], reported, strict=False) if phase != before]


def is_untouched(machine: Sandbox) -> bool:
    return not (machine.lines("installer.log") or machine.lines("done") or machine.lines("curl.log"))


def test_the_installer_is_always_given_release_channel_and_board_by_name(machine: Sandbox) -> None:
    # Without -V or -C a release since 4757 installs `current` of stable, whatever runs (facts of the OS family).
    disk = machine.disk("sda")
    done = machine.run()
    assert done.returncode == 0, done.stderr
    assert machine.lines("installer.log") == [
        "-d", disk, "-V", "3975.2.0", "-C", "stable", "-B", "amd64-usr", "-o", "",
        "-b", "http://10.10.14.253/stable", "-i", "/run/kboot-install/config", "end",
    ]  # fmt: skip
    assert phases(machine) == ["installing", "installed"]
    assert machine.lines("done")[-1] == "systemctl reboot --no-wall"


def test_the_legacy_installer_is_given_a_cloud_config(tmp_path: Path) -> None:
    machine = Sandbox(tmp_path, "coreos")
    machine.disk("sda")
    assert machine.run().returncode == 0
    arguments = machine.lines("installer.log")
    assert arguments[arguments.index("-c") + 1] == "/run/kboot-install/config"
    assert "-i" not in arguments
    assert "https://10.10.14.253/cloud-configs/00-25-90-c0-f7-80.yaml" in " ".join(machine.lines("curl.log"))


def test_a_release_key_of_the_operators_goes_to_the_installer(tmp_path: Path) -> None:
    machine = Sandbox(tmp_path, release_key=KEY)
    machine.disk("sda")
    assert machine.run().returncode == 0
    assert machine.lines("installer.log")[-3:] == ["-k", "/run/kboot-install/release-key.asc", "end"]
    assert (tmp_path / "run/kboot-install/release-key.asc").read_bytes() == KEY


def test_a_machine_that_is_not_armed_is_left_alone(machine: Sandbox) -> None:
    machine.disk("sda")
    done = machine.run(KBOOT_ARMED="no", KBOOT_TOKEN="")
    assert done.returncode == 1, "what ran it asks again"
    assert "nothing was touched" in done.stdout
    assert is_untouched(machine)


def test_a_machine_that_is_not_seen_at_its_own_address_asks_again_until_it_is(machine: Sandbox) -> None:
    machine.disk("sda")
    (machine.folder / "elsewhere").write_text("7")
    (machine.folder / "own-install.sh").write_text(machine.own_script())
    done = machine.run(KBOOT_ARMED="elsewhere", KBOOT_TOKEN="")
    assert done.returncode == 0, done.stderr
    url = "http://10.10.14.253/install.sh?mac=00-25-90-c0-f7-80"
    asked = [line for line in machine.lines("curl.log") if url in line]
    assert len(asked) == 8
    assert machine.lines("done").count("sleep 10") == 8
    assert phases(machine) == ["installing", "installed"]


def test_it_shows_its_boot_value_again(machine: Sandbox) -> None:
    machine.disk("sda")
    (machine.folder / "elsewhere").write_text("1")
    (machine.folder / "own-install.sh").write_text(machine.own_script())
    assert machine.run(KBOOT_ARMED="elsewhere", KBOOT_TOKEN="", KBOOT_BOOT="a-value_1").returncode == 0
    url = "http://10.10.14.253/install.sh?mac=00-25-90-c0-f7-80&boot=a-value_1"
    assert len([line for line in machine.lines("curl.log") if line.endswith(url)]) == 2


def test_node_config_and_reports_are_asked_for_by_the_card_that_has_the_lease(machine: Sandbox) -> None:
    machine.disk("sda")
    machine.cards("eth0 UP 00:25:90:c0:f7:80 10.10.14.11/24", "eth1 UP 00:25:90:c0:f7:81 10.10.14.27/24")
    (machine.folder / "elsewhere").write_text("1")
    (machine.folder / "own-install.sh").write_text(machine.own_script())
    assert machine.run(KBOOT_ARMED="elsewhere", KBOOT_TOKEN="").returncode == 0
    ways = [line.split()[:2] for line in machine.lines("curl.log") if "/healthz" not in line]
    by_address, by_card = ["--interface", "10.10.14.11"], ["--interface", "eth0"]
    assert ways == [by_address, by_card, *[by_address] * 5]  # install.sh twice


def test_a_machine_whose_card_has_no_lease_yet_waits_for_it_and_then_asks_by_any(machine: Sandbox) -> None:
    machine.disk("sda")
    machine.cards("eth0 UP 00:25:90:c0:f7:80", "eth1 UP 00:25:90:c0:f7:81 10.10.14.27/24")
    (machine.folder / "refuse").write_text("phase")
    assert machine.run().returncode == 1
    asked = [line for line in machine.lines("curl.log") if '"installing"' in line]
    assert len(asked) == 50, "of sixty tries the first ten were waited out"
    assert not any("--interface" in line for line in asked)


def test_why_it_failed_is_told_by_any_card_where_its_own_has_no_lease(machine: Sandbox) -> None:
    machine.disk("sda")
    machine.disk("sdb")
    machine.cards("eth0 UP 00:25:90:c0:f7:80", "eth1 UP 00:25:90:c0:f7:81 10.10.14.27/24")
    assert machine.run().returncode == 1
    assert reason(machine).startswith("several disks, name one with install_disk: ")


def test_an_answer_that_is_no_script_is_not_run(machine: Sandbox) -> None:
    machine.disk("sda")
    (machine.folder / "elsewhere").write_text("0")
    (machine.folder / "own-install.sh").write_text("")
    assert machine.run(KBOOT_ARMED="elsewhere", KBOOT_TOKEN="").returncode == 1


@pytest.mark.parametrize("armed", ["yes", "elsewhere", "no"])
def test_a_second_run_does_nothing_beside_the_first(machine: Sandbox, armed: str) -> None:
    machine.disk("sda")
    (machine.folder / "run/kboot-install").mkdir()
    with (machine.folder / "run/kboot-install/lock").open("w") as first:
        fcntl.flock(first, fcntl.LOCK_EX)
        again = machine.run(KBOOT_ARMED=armed)
    assert (again.returncode, again.stdout) == (1, "kboot: it runs on this machine already\n")
    assert is_untouched(machine)


def test_a_run_that_was_killed_holds_up_no_later_one(machine: Sandbox) -> None:
    machine.disk("sda")
    killed = machine.run_text(machine.own_script().replace("set_clock\n", "kill -KILL $$\n"))
    assert killed.returncode != 0
    assert machine.lines("reports") == []
    assert machine.run().returncode == 0
    assert phases(machine) == ["installing", "installed"]


def test_a_machine_that_is_never_seen_at_its_own_address_gives_up_and_touches_nothing(machine: Sandbox) -> None:
    machine.disk("sda")
    (machine.folder / "elsewhere").write_text("1000")
    done = machine.run(KBOOT_ARMED="elsewhere", KBOOT_TOKEN="")
    assert done.returncode == 1
    assert "`kboot status` says where; nothing was touched" in done.stdout
    assert machine.lines("done") == ["sleep 10"] * 60
    assert machine.lines("installer.log") == machine.lines("reports") == []


def test_a_machine_that_is_disarmed_while_it_asks_again_is_left_alone(machine: Sandbox) -> None:
    machine.disk("sda")
    (machine.folder / "elsewhere").write_text("2")
    (machine.folder / "own-install.sh").write_text(machine.own_script(KBOOT_ARMED="no", KBOOT_TOKEN=""))
    assert machine.run(KBOOT_ARMED="elsewhere", KBOOT_TOKEN="").returncode == 1
    assert machine.lines("installer.log") == machine.lines("reports") == []


def test_the_script_without_a_machine_touches_nothing(machine: Sandbox) -> None:
    machine.disk("sda")
    assert machine.run_text(machine.script).returncode == 1
    assert is_untouched(machine)


@pytest.mark.parametrize("armed", ["yes", "elsewhere", "no"])
def test_a_second_run_on_the_same_boot_does_nothing(machine: Sandbox, armed: str) -> None:
    machine.disk("sda")
    assert machine.run().returncode == 0
    again = machine.run(KBOOT_ARMED=armed)
    assert again.returncode == 0
    assert "is installed" in again.stdout
    assert machine.lines("installer.log").count("end") == 1
    assert phases(machine) == ["installing", "installed"]


def test_an_install_that_failed_may_be_run_again(machine: Sandbox) -> None:
    machine.disk("sda")
    (machine.folder / "failures").write_text("5")
    assert machine.run().returncode == 1
    assert "could not write stable 3975.2.0" in reason(machine)
    assert not [line for line in machine.lines("done") if "reboot" in line]
    assert machine.run().returncode == 0
    assert phases(machine) == ["installing", "failed", "installing", "installed"]


def test_an_installer_that_fails_once_is_run_again(machine: Sandbox) -> None:
    machine.disk("sda")
    (machine.folder / "failures").write_text("1")
    assert machine.run().returncode == 0
    assert machine.lines("installer.log").count("end") == 2


def test_the_share_of_the_image_can_be_shown_while_it_is_written(machine: Sandbox) -> None:
    machine.count_writes(machine.disk("sda"))
    (machine.folder / "writes").touch()
    (machine.folder / "asks").touch()
    assert machine.run(KBOOT_IMAGE_BYTES="4915724288").returncode == 0
    reports = [json.loads(report) for report in machine.lines("reports")]
    assert {each["total"] for each in reports if "bytes" in each} == {4915724288}
    assert all(each["bytes"] >= 0 for each in reports if "bytes" in each)


def test_without_the_size_of_the_image_what_was_written_is_told_alone(machine: Sandbox) -> None:
    machine.count_writes(machine.disk("sda"))
    (machine.folder / "asks").touch()
    assert machine.run().returncode == 0
    assert not any("total" in report for report in machine.lines("reports"))


def test_a_half_read_config_is_fetched_again_and_never_used(machine: Sandbox) -> None:
    machine.disk("sda")
    (machine.folder / "interrupt").touch()
    assert machine.run().returncode == 0
    kept = machine.folder / "run/kboot-install/config"
    assert kept.read_bytes() == (machine.folder / "config").read_bytes()


@pytest.mark.parametrize("family", ["flatcar", "coreos"])
@pytest.mark.parametrize("content", ["<html>busy</html>\n", '{"title": "Not found", "status": 404}\n'])
def test_what_is_no_config_is_never_installed(family: str, content: str, tmp_path: Path) -> None:
    machine = Sandbox(tmp_path, family)
    machine.disk("sda")
    (tmp_path / "config").write_text(content)
    assert machine.run().returncode == 1
    assert "what was fetched is not" in reason(machine)
    assert machine.lines("installer.log") == []


def test_no_list_of_processes_shows_the_token(machine: Sandbox) -> None:
    machine.disk("sda")
    assert machine.run().returncode == 0
    assert TOKEN not in "\n".join(machine.lines("curl.log") + machine.lines("installer.log"))
    assert f'header = "Authorization: Bearer {TOKEN}"' in machine.lines("headers")
    assert stat.S_IMODE((machine.folder / "run/kboot-install").stat().st_mode) == 0o700


def test_the_clock_is_set_from_the_bootstrapper_before_any_certificate_is_checked(machine: Sandbox) -> None:
    machine.disk("sda")
    assert machine.run().returncode == 0
    assert machine.lines("done")[:2] == ["date --utc --set Wed, 01 May 2030 10:00:00 GMT", "hwclock --systohc --utc"]
    first_tls = next(i for i, line in enumerate(machine.lines("curl.log")) if "https://" in line)
    assert "http://10.10.14.253/healthz" in machine.lines("curl.log")[first_tls - 1]


def test_a_bootstrapper_that_answers_nothing_holds_up_no_question_for_ever(machine: Sandbox) -> None:
    machine.disk("sda")
    (machine.folder / "elsewhere").write_text("0")
    (machine.folder / "own-install.sh").write_text(machine.own_script())
    assert machine.run(KBOOT_ARMED="elsewhere", KBOOT_TOKEN="").returncode == 0
    asked = machine.lines("curl.log")
    for what in ("/install.sh?", "/healthz", "/events", "/ignition/"):
        assert any(what in line for line in asked)
    assert [line for line in asked if "--connect-timeout" not in line or "--max-time" not in line] == []


def test_node_config_and_reports_go_over_tls_with_the_authority_of_the_cluster(machine: Sandbox) -> None:
    machine.disk("sda")
    assert machine.run().returncode == 0
    guarded = [line for line in machine.lines("curl.log") if "/ignition/" in line or "/events" in line]
    assert len(guarded) == 5  # begin, disks, disk, node config, installed
    for line in guarded:
        assert "https://10.10.14.253/" in line
        assert "--cacert /run/kboot-install/ca.pem" in line
        assert "--insecure" not in line


def test_a_machine_whose_install_is_not_taken_note_of_does_not_reboot(machine: Sandbox) -> None:
    # It would stay armed, and install again at its next network boot.
    machine.disk("sda")
    (machine.folder / "refuse").write_text('"installed"')
    assert machine.run().returncode == 1
    assert "does not take the report" in reason(machine)
    assert not [line for line in machine.lines("done") if "reboot" in line]


def test_the_restart_of_an_installed_machine_is_no_failure_where_it_ends_the_script(machine: Sandbox) -> None:
    machine.disk("sda")
    (machine.folder / "bin/systemctl").unlink()
    (machine.folder / "bin/systemctl").write_text("#!/bin/bash\nkill -TERM $PPID\n")
    (machine.folder / "bin/systemctl").chmod(0o755)
    assert machine.run().returncode == 0
    assert phases(machine) == ["installing", "installed"]
